// web/kernels/assembly, compiled into the worker's script: what its functions take is said there.

import compiled from "overread:kernels";

export interface Kernels {
  pointwise(
    x: number, w: number, y: number, added: number,
    pixels: number, inputs: number, outputs: number, block: number, low: number, high: number,
  ): void;
  depthwise(
    x: number, w: number, y: number, zeros: number,
    height: number, width: number, channels: number, stride: number, top: number, left: number,
    outHeight: number, outWidth: number, low: number, high: number,
  ): void;
  patches(
    x: number, y: number, height: number, width: number, channels: number,
    size: number, row: number, left: number, stride: number, outWidth: number,
  ): void;
  planes(x: number, y: number, pixels: number, channels: number): void;
  across(x: number, y: number, taps: number, rows: number, width: number, outWidth: number, window: number): void;
  down(x: number, y: number, taps: number, row: number, outHeight: number, window: number): void;
  colours(
    luma: number, blue: number, red: number, rgb: number, scratch: number,
    width: number, from: number, to: number, height: number, across: number, down: number,
  ): void;
  opaque(x: number, rgb: number, pixels: number, swapped: boolean): void;
}

const PAGE = 65536;

/** Kernels over a memory of their own, of at least so many bytes; the first 1,024 are the compiler's. */
export function openKernels(bytes: number): { kernels: Kernels; memory: WebAssembly.Memory } {
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE) });
  module ??= new WebAssembly.Module(Uint8Array.from(atob(compiled), (one) => one.charCodeAt(0)));
  const instance = new WebAssembly.Instance(module, { env: { memory, abort: failed } });
  return { kernels: instance.exports as unknown as Kernels, memory };
}

let module: WebAssembly.Module | undefined;

function failed(): never {
  throw new Error("a kernel stopped");
}
