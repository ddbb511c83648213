// Where each tensor lies in the kernels' memory: a place is used again when nothing needs what lay there.

import { type Block, stepOf } from "./blocks";
import { bytesOf, type Plan } from "./plan";

export interface Places {
  /** Byte offset of each tensor, from the start of what they share; NaN of those that lie in strips only. */
  offsets: number[];
  bytes: number;
}

const LINE = 64;

export function placesOf(plan: Plan, blocks: Block[]): Places {
  const last = lastUses(plan, blocks);
  const made = new Set([0, ...blocks.map((block) => block.last + 1)]);
  const offsets: number[] = [];
  const held: { from: number; to: number; until: number }[] = [];
  let bytes = 0;
  for (let tensor = 0; tensor <= plan.steps.length; tensor++) {
    if (!made.has(tensor)) {
      offsets.push(NaN);
      continue;
    }
    const wanted = Math.ceil((bytesOf(plan, tensor) + LINE) / LINE) * LINE;
    // A block reads while it writes, so what its tensors take is free only after it.
    const busy = held.filter((one) => one.until >= tensor).sort((one, other) => one.from - other.from);
    let from = 0;
    for (const one of busy) {
      if (one.from - from >= wanted) break;
      from = Math.max(from, one.to);
    }
    offsets.push(from);
    held.push({ from, to: from + wanted, until: last[tensor] ?? tensor });
    bytes = Math.max(bytes, from + wanted);
  }
  return { offsets, bytes };
}

/** The number of the tensor that a block makes when a tensor is read for the last time. */
function lastUses(plan: Plan, blocks: Block[]): number[] {
  const last = new Array<number>(plan.steps.length + 1).fill(0);
  for (const block of blocks) {
    for (let index = block.first; index <= block.last; index++) {
      const { from, added } = stepOf(plan, index);
      last[from] = block.last + 1;
      if (added !== null) last[added] = block.last + 1;
    }
  }
  for (const tensor of Object.values(plan.cuts)) last[tensor] = Infinity;
  return last;
}
