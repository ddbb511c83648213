// The two models of a bundle in onnxruntime-web.

import * as ort from "onnxruntime-web/wasm";
import ortModule from "onnxruntime-web/ort-wasm-simd-threaded.mjs?url";
import ortBinary from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import type { Preprocess } from "./bundle";
import type { Bytes } from "./files";
import { feedsOf, outputOf, TOLD, type Network, type Output } from "./onnx";
import type { Pixels } from "./pixels";
import type { Threads } from "./planned/convolutions";
import { PlannedNetwork } from "./planned/network";
import type { Plan } from "./planned/plan";
import { problem, reasonOf } from "./problem";
import { Resizer } from "./resize/preprocessor";

/** Where the build put the runtime's program. */
export const RUNTIME = new URL(ortBinary, import.meta.url).href;

/** Pixels to the network's input, float32 [3, size, size]. */
export interface Preprocessor {
  run(pixels: Pixels): Promise<Float32Array<ArrayBuffer>>;
}

export interface Sessions {
  preprocessor: Preprocessor;
  network: Network;
  /** What our own kernels do of the network; null where onnxruntime has it whole. */
  planned: PlannedNetwork | null;
  /** preprocess.onnx itself, which the preprocessor must equal. */
  graph: Preprocessor;
}

export interface Models {
  runtime: Bytes;
  preprocess: Bytes;
  network: Bytes;
  /** What our own kernels do of the network, and what is left of it then. */
  planned: { plan: Plan; rest: Bytes } | null;
  spec: Preprocess;
}

const OPTIONS: ort.InferenceSession.SessionOptions = { executionProviders: ["wasm"], logSeverityLevel: 4 };

/** Throws ReaderProblem "no-runtime". */
export async function openSessions(models: Models, threads: Threads): Promise<Sessions> {
  const { planned } = models;
  const { wasm } = ort.env;
  wasm.wasmPaths = { mjs: new URL(ortModule, import.meta.url).href, wasm: RUNTIME };
  wasm.wasmBinary = models.runtime;
  wasm.numThreads = planned ? 1 : threads.count; // What our kernels leave is too little to be shared.
  wasm.proxy = false; // This is a worker already.
  ort.env.logLevel = "error";
  try {
    const graph = new OrtPreprocessor(await ort.InferenceSession.create(models.preprocess, OPTIONS));
    const resizer = new Resizer(models.spec);
    const preprocessor: Preprocessor = { run: async (pixels) => resizer.run(pixels) };
    if (!planned) {
      return { preprocessor, graph, network: await openWhole(models.network, models.spec.size), planned: null };
    }
    const helped = threads.count > 1 && mayHang() ? { ...threads, count: 1 } : threads;
    if (helped !== threads) threads.alone("Firefox may hang where a worker starts another; one thread reads");
    const network = await PlannedNetwork.open(planned.plan, models.network, planned.rest, OPTIONS, helped);
    const run: Network["run"] = async (input, metadata) => outputOf(await network.run(input, metadata, TOLD));
    return { preprocessor, graph, network: { run }, planned: network };
  } catch (thrown) {
    throw problem("no-runtime", "onnxruntime-web", reasonOf(thrown));
  } finally {
    delete wasm.wasmBinary;
  }
}

/** In one of ten openings Firefox 153 does not come back from `new Worker` inside a worker. */
const mayHang = () => navigator.userAgent.includes("Firefox/");

/** The whole network in onnxruntime, which must be open already. */
export async function openWhole(network: Bytes, size: number): Promise<Network> {
  return new OrtNetwork(await ort.InferenceSession.create(network, OPTIONS), size);
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
    const tensor = (values: Float32Array, dims: number[]) => new ort.Tensor("float32", values, dims);
    return outputOf(await this.session.run(feedsOf(input, metadata, this.size, tensor), TOLD));
  }
}
