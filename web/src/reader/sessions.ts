// The two models of a bundle in onnxruntime-web.

import * as ort from "onnxruntime-web/wasm";
import ortModule from "onnxruntime-web/ort-wasm-simd-threaded.mjs?url";
import ortBinary from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import type { Bytes } from "./files";
import type { Pixels } from "./pixels";
import { problem, reasonOf } from "./problem";

/** Where the build put the runtime's program. */
export const RUNTIME = new URL(ortBinary, import.meta.url).href;

/** Pixels to the network's input, float32 [3, size, size]. */
export interface Preprocessor {
  run(pixels: Pixels): Promise<Float32Array<ArrayBuffer>>;
}

/** Input and metadata (in the fields' order; empty where the bundle asks for none) to what is told of them. */
export interface Network {
  run(input: Float32Array, metadata: Float32Array): Promise<Output>;
}

export interface Output {
  scores: Float32Array;
  novelty: number;
  saliency: { values: Float32Array; classes: number; height: number; width: number };
}

export interface Sessions {
  preprocessor: Preprocessor;
  network: Network;
}

export interface Models {
  runtime: Bytes;
  preprocess: Bytes;
  network: Bytes;
  /** Of the network's input. */
  size: number;
}

const OPTIONS: ort.InferenceSession.SessionOptions = { executionProviders: ["wasm"], logSeverityLevel: 4 };

/** Throws ReaderProblem "no-runtime". */
export async function openSessions(models: Models, threads: number): Promise<Sessions> {
  const { wasm } = ort.env;
  wasm.wasmPaths = { mjs: new URL(ortModule, import.meta.url).href, wasm: RUNTIME };
  wasm.wasmBinary = models.runtime;
  wasm.numThreads = threads;
  wasm.proxy = false; // This is a worker already.
  ort.env.logLevel = "error";
  try {
    const preprocessor = new OrtPreprocessor(await ort.InferenceSession.create(models.preprocess, OPTIONS));
    const network = new OrtNetwork(await ort.InferenceSession.create(models.network, OPTIONS), models.size);
    return { preprocessor, network };
  } catch (thrown) {
    throw problem("no-runtime", "onnxruntime-web", reasonOf(thrown));
  } finally {
    delete wasm.wasmBinary;
  }
}

class OrtPreprocessor implements Preprocessor {
  constructor(private readonly session: ort.InferenceSession) {}

  async run({ data, width, height }: Pixels): Promise<Float32Array<ArrayBuffer>> {
    const { input } = await this.session.run({ pixels: new ort.Tensor("uint8", data, [height, width, 3]) });
    if (!input) throw new Error("preprocess.onnx gave no input");
    return input.data as Float32Array<ArrayBuffer>;
  }
}

class OrtNetwork implements Network {
  constructor(
    private readonly session: ort.InferenceSession,
    private readonly size: number,
  ) {}

  async run(input: Float32Array, metadata: Float32Array): Promise<Output> {
    const channels = input.length / this.size ** 2;
    const feeds: Record<string, ort.Tensor> = {
      input: new ort.Tensor("float32", input, [1, channels, this.size, this.size]),
    };
    if (metadata.length) feeds["metadata"] = new ort.Tensor("float32", metadata, [1, metadata.length]);
    const { score, novelty, saliency } = await this.session.run(feeds, ["score", "novelty", "saliency"]);
    if (!score || !novelty || !saliency) throw new Error("the network gave no score, novelty or saliency");
    const [, classes = 0, height = 0, width = 0] = saliency.dims;
    return {
      scores: score.data as Float32Array,
      novelty: (novelty.data as Float32Array)[0] ?? NaN,
      saliency: { values: saliency.data as Float32Array, classes, height, width },
    };
  }
}
