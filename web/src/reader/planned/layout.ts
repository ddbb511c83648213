// Where everything lies in the kernels' memory, for so many threads.

import { FIRST } from "../kernels";
import { type Block, blocksOf, CACHE, heldBytes, type Rows, shareOf, stepOf, stripsOf } from "./blocks";
import { placesOf } from "./places";
import { bytesOf, type Plan, shapeOf } from "./plan";

export interface Layout {
  blocks: Block[];
  /** Of each block. */
  parts: number;
  /** Bytes of all that lies between the steps of a block, for one strip. */
  strip: number;
  /** The input as it is given, float32 [channels, height, width]. */
  given: number;
  /** Of each tensor, channels last; NaN of those that lie in strips only. */
  tensors: number[];
  /** Of each step's weights. */
  weights: number[];
  /** What lies beyond the border. */
  zeros: number;
  /** Of each thread: patches and strips. */
  scratch: number[];
  /** What the rest of the network takes, float32 [channels, height, width]. */
  cuts: Record<string, number>;
  /** Words that threads share (queue.ts). */
  words: number;
  bytes: number;
}

const WORDS = 256;

/** @param weights bytes of each step's */
export function layoutOf(plan: Plan, weights: number[], threads: number, { held, strip } = CACHE): Layout {
  const blocks = blocksOf(plan, held);
  const parts = partsFor(threads);
  let end = FIRST;
  const take = (bytes: number) => {
    const from = end;
    end += Math.ceil(bytes / 64) * 64;
    return from;
  };
  const words = take(WORDS);
  const given = take(bytesOf(plan, 0));
  const { offsets, bytes } = placesOf(plan, blocks);
  const tensors = take(bytes);
  const scratch = blocks.flatMap((block) =>
    allShares(plan, block, parts).map(
      (rows) => patchBytes(plan, block) + heldBytes(plan, block, stripsOf(plan, block, rows, strip)),
    ),
  );
  return {
    blocks,
    parts,
    strip,
    words,
    given,
    tensors: offsets.map((one) => tensors + one),
    weights: weights.map(take),
    zeros: take(Math.max(...plan.steps.map((step) => widthBytes(plan, step.from)))),
    scratch: Array.from({ length: threads }, () => take(Math.max(...scratch))),
    cuts: Object.fromEntries(
      Object.entries(plan.cuts).map(([name, tensor]) => [name, take(bytesOf(plan, tensor))]),
    ),
    bytes: end,
  };
}

/** Of the patches that a dense convolution sees for a row of its outputs. */
export function patchBytes(plan: Plan, block: Block): number {
  let most = 0;
  for (let index = block.first; index <= block.last; index++) {
    const { kind, from, size, shape } = stepOf(plan, index);
    if (kind === "dense") most = Math.max(most, shape[2] * size * size * shapeOf(plan, from)[0] * 4);
  }
  return Math.ceil(most / 64) * 64;
}

/** Into so many parts each block is divided, where there are threads: who is fast takes more of them. */
export const partsFor = (threads: number) => (threads > 1 ? threads * 2 : 1);

function allShares(plan: Plan, block: Block, parts: number): Rows[] {
  const height = stepOf(plan, block.last).shape[1];
  return Array.from({ length: parts }, (_, part) => shareOf(height, part, parts));
}

const widthBytes = (plan: Plan, tensor: number) => shapeOf(plan, tensor)[0] * shapeOf(plan, tensor)[2] * 4;
