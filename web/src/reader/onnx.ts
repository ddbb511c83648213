// A network's inputs and outputs by name, whichever runtime has it.

import type { InferenceSession, Tensor } from "onnxruntime-web";

/** Input and metadata (in the fields' order; empty where the bundle asks for none) to what is told of them. */
export interface Network {
  run(input: Float32Array, metadata: Float32Array): Promise<Output>;
}

export interface Output {
  scores: Float32Array;
  novelty: number;
  saliency: { values: Float32Array; classes: number; height: number; width: number };
}

/** What is asked of a network; the features stay inside. */
export const TOLD = ["score", "novelty", "saliency"];

export function feedsOf(
  input: Float32Array,
  metadata: Float32Array,
  size: number,
  tensor: (values: Float32Array, dims: number[]) => Tensor,
): InferenceSession.FeedsType {
  const feeds: Record<string, Tensor> = { input: tensor(input, [1, input.length / size ** 2, size, size]) };
  if (metadata.length) feeds["metadata"] = tensor(metadata, [1, metadata.length]);
  return feeds;
}

export function outputOf({ score, novelty, saliency }: Record<string, Tensor | undefined>): Output {
  if (!score || !novelty || !saliency) throw new Error("the network gave no score, novelty or saliency");
  const [, classes = 0, height = 0, width = 0] = saliency.dims;
  return {
    scores: score.data as Float32Array,
    novelty: (novelty.data as Float32Array)[0] ?? NaN,
    saliency: { values: saliency.data as Float32Array, classes, height, width },
  };
}
