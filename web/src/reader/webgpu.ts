// The network on a graphics processor: onnxruntime-web's other runtime, 27 MB, fetched only where it is tried.

import * as ort from "onnxruntime-web/webgpu";
import binary from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url";
import type { Bytes } from "./files";
import { feedsOf, outputOf, TOLD, type Network } from "./onnx";

/** Where the build put its program. */
export const GPU_RUNTIME = new URL(binary, import.meta.url).href;

/** Throws what onnxruntime throws where there is no graphics processor that it can use. */
export async function openOnGpu(runtime: Bytes, network: Bytes, size: number): Promise<Network> {
  ort.env.wasm.wasmBinary = runtime;
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  try {
    const session = await ort.InferenceSession.create(network, { executionProviders: ["webgpu"], logSeverityLevel: 4 });
    const tensor = (values: Float32Array, dims: number[]) => new ort.Tensor("float32", values, dims);
    return {
      run: async (input, metadata) => outputOf(await session.run(feedsOf(input, metadata, size, tensor), TOLD)),
    };
  } finally {
    delete ort.env.wasm.wasmBinary;
  }
}
