// What threads do: calls of kernels, every address worked out beforehand.

import type { Kernels } from "../kernels";

export type Kernel = "pointwise" | "depthwise" | "dense" | "interleave" | "planes" | "move";

export interface Call {
  kernel: Kernel;
  args: number[];
}

/** A part is one thread's; whichever thread that is, it gives the same. */
export interface Program {
  parts: Call[][];
  /** Of each part: how many parts must be done before it. */
  after: number[];
}

export function runCalls(kernels: Kernels, calls: Call[]): void {
  for (const { kernel, args } of calls) (kernels[kernel] as (...args: number[]) => void)(...args);
}
