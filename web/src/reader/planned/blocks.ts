// Which steps are done depth first, strip by strip, so that what lies between them stays in the cache.

import { bytesOf, type Plan, shapeOf } from "./plan";

/** Steps `first` to `last`, both included; all but the last make tensors that the next alone reads. */
export interface Block {
  first: number;
  last: number;
}

/** Rows `from` to `to` of a tensor. */
export interface Rows {
  from: number;
  to: number;
}

export interface Cache {
  /** Bytes of a tensor that the second cache holds beside weights: only larger ones are worth strips. */
  held: number;
  /** Bytes of all that lies between the steps of a block, for one strip. */
  strip: number;
}

export const CACHE: Cache = { held: 2 ** 19, strip: 2 ** 18 };
/** Convolutions of more than one place in a block: each needs rows of its neighbours again. */
const MOST_WINDOWS = 2;

export function blocksOf(plan: Plan, held: number): Block[] {
  const uses = new Array<number>(plan.steps.length + 1).fill(0);
  const use = (tensor: number | null) => {
    if (tensor !== null) uses[tensor] = (uses[tensor] ?? 0) + 1;
  };
  for (const { from, added } of plan.steps) [from, added].forEach(use);
  Object.values(plan.cuts).forEach(use);
  const blocks: Block[] = [];
  let windows = 0;
  plan.steps.forEach((step, index) => {
    const block = blocks.at(-1);
    const windowed = step.kind === "pointwise" ? 0 : 1;
    const large = bytesOf(plan, index) > held;
    const next = large && step.from === index && uses[index] === 1;
    if (block && next && windows + windowed <= MOST_WINDOWS) {
      block.last = index;
      windows += windowed;
    } else {
      blocks.push({ first: index, last: index });
      windows = windowed;
    }
  });
  return blocks;
}

/** Rows of what each step of a block makes (of its first, second, …) for some rows of what the last makes. */
export function rowsOf(plan: Plan, { first, last }: Block, wanted: Rows): Rows[] {
  const rows = [wanted];
  for (let index = last; index > first; index--) {
    const { stride, top, size, from } = stepOf(plan, index);
    const height = shapeOf(plan, from)[1];
    const after = rows[0] ?? wanted;
    const begin = Math.min(Math.max(after.from * stride - top, 0), height);
    rows.unshift({ from: begin, to: Math.max(begin, Math.min((after.to - 1) * stride - top + size, height)) });
  }
  return rows;
}

/** The rows in as few strips of like height as keep what lies between within so many bytes. */
export function stripsOf(plan: Plan, block: Block, { from, to }: Rows, most: number): Rows[] {
  for (let count = 1; ; count++) {
    const height = Math.ceil((to - from) / count);
    const strips: Rows[] = [];
    for (let at = from; at < to; at += height) strips.push({ from: at, to: Math.min(at + height, to) });
    if (heldBytes(plan, block, strips) <= most || height <= 1) return strips;
  }
}

/** The most rows that any strip needs of what each step but the last makes. */
export function heldRows(plan: Plan, block: Block, strips: Rows[]): number[] {
  const needed = strips.map((strip) => rowsOf(plan, block, strip).slice(0, -1));
  return (needed[0] ?? []).map((_, at) => Math.max(...needed.map((rows) => lengthOf(rows[at]))));
}

export function heldBytes(plan: Plan, block: Block, strips: Rows[]): number {
  return heldRows(plan, block, strips).reduce((sum, rows, at) => sum + rows * rowBytes(plan, block.first + at), 0);
}

/** Of a row of what a step makes. */
export function rowBytes(plan: Plan, step: number): number {
  const [channels, , width] = shapeOf(plan, step + 1);
  return channels * width * 4;
}

/** A thread's part of so many rows (or of anything else that is counted). */
export function shareOf(count: number, rank: number, threads: number): Rows {
  return { from: Math.floor((count * rank) / threads), to: Math.floor((count * (rank + 1)) / threads) };
}

export function stepOf(plan: Plan, index: number): Plan["steps"][number] {
  const step = plan.steps[index];
  if (!step) throw new Error(`the plan has no step ${index}`);
  return step;
}

const lengthOf = (rows: Rows | undefined) => (rows ? rows.to - rows.from : 0);
