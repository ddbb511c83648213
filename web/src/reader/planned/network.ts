// A network in two parts: its convolutions by our kernels, the rest by onnxruntime.

import * as ort from "onnxruntime-web/wasm";
import { Convolutions, type Threads } from "./convolutions";
import { filledRest, type Plan } from "./plan";

export class PlannedNetwork {
  private constructor(
    private readonly convolutions: Convolutions,
    private readonly rest: ort.InferenceSession,
  ) {}

  /** @param network bytes of the file that the plan was made of */
  static async open(
    plan: Plan, network: Uint8Array, rest: Uint8Array, options: ort.InferenceSession.SessionOptions, threads: Threads,
  ): Promise<PlannedNetwork> {
    const session = ort.InferenceSession.create(filledRest(plan, network, rest), options);
    session.catch(() => undefined); // It is said below.
    const convolutions = await Convolutions.open(plan, network, threads);
    return new PlannedNetwork(convolutions, await session);
  }

  /** Leave the threads beside this one. */
  stop(): void {
    this.convolutions.stop();
  }

  /** @param input float32 [channels, height, width] */
  async run(input: Float32Array, metadata: Float32Array, names: string[]): Promise<Record<string, ort.Tensor>> {
    this.convolutions.input.set(input);
    const feeds: Record<string, ort.Tensor> = {};
    for (const [name, { data, dims }] of Object.entries(this.convolutions.run())) {
      feeds[name] = new ort.Tensor("float32", data, dims);
    }
    if (metadata.length) feeds["metadata"] = new ort.Tensor("float32", metadata, [1, metadata.length]);
    return this.rest.run(feeds, names);
  }
}
