// Where each tensor lies in the kernels' memory: a place is used again when nothing needs what lay there.

import { type Plan, shapeOf } from "./plan";

export interface Places {
  /** Byte offset of each tensor, from the start of what they share. */
  offsets: number[];
  bytes: number;
}

const LINE = 64;

export function placesOf(plan: Plan): Places {
  const last = lastUses(plan);
  const offsets: number[] = [];
  const held: { from: number; to: number; until: number }[] = [];
  let bytes = 0;
  for (let tensor = 0; tensor <= plan.steps.length; tensor++) {
    const [channels, height, width] = shapeOf(plan, tensor);
    const wanted = Math.ceil((channels * height * width * 4 + LINE) / LINE) * LINE;
    // A step reads while it writes, so what its tensors take is free only after it.
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

/** The number of the tensor that is made when a tensor is read for the last time. */
function lastUses(plan: Plan): number[] {
  const last = new Array<number>(plan.steps.length + 1).fill(0);
  plan.steps.forEach((step, index) => {
    last[step.from] = index + 1;
    if (step.added !== null) last[step.added] = index + 1;
  });
  for (const tensor of Object.values(plan.cuts)) last[tensor] = Infinity;
  return last;
}
