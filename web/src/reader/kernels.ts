// web/kernels/assembly, compiled into the worker's script: what its functions take is said there.

import compiled from "overread:kernels";
import compiledShared from "overread:kernels/shared";

export interface Kernels {
  pointwise(
    x: number, w: number, y: number, added: number, pixels: number, inputs: number, outputs: number,
    stride: number, block: number, low: number, high: number,
  ): void;
  depthwise(
    x: number, w: number, y: number, zeros: number,
    height: number, width: number, channels: number, stride: number, top: number, left: number,
    from: number, to: number, outWidth: number, low: number, high: number,
  ): void;
  dense(
    x: number, w: number, y: number, added: number, scratch: number,
    height: number, width: number, channels: number, size: number, stride: number, top: number, left: number,
    from: number, to: number, outWidth: number, outputs: number, block: number, low: number, high: number,
  ): void;
  interleave(x: number, y: number, pixels: number, channels: number): void;
  planes(x: number, y: number, pixels: number, channels: number): void;
  move(to: number, from: number, bytes: number): void;
  across(x: number, y: number, taps: number, rows: number, width: number, outWidth: number, window: number): void;
  down(x: number, y: number, taps: number, row: number, outHeight: number, window: number): void;
  colours(
    luma: number, blue: number, red: number, rgb: number, scratch: number,
    width: number, from: number, to: number, height: number, across: number, down: number,
  ): void;
  opaque(x: number, rgb: number, pixels: number, swapped: boolean): void;
}

export const PAGE = 65536;
/** Where a memory's free bytes begin; what lies before is the compiler's (compile.ts). */
export const FIRST = 1024;

export interface OpenKernels {
  kernels: Kernels;
  memory: WebAssembly.Memory;
  module: WebAssembly.Module;
}

/** Kernels over a memory of their own, of at least so many bytes. */
export function openKernels(bytes: number): OpenKernels {
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE) });
  alone ??= moduleOf(compiled);
  return { kernels: kernelsOf(alone, memory), memory, module: alone };
}

/** The same over a memory that threads may share, where the page is isolated. */
export function openSharedKernels(bytes: number): OpenKernels {
  const pages = Math.ceil(bytes / PAGE);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const module = moduleOf(compiledShared);
  return { kernels: kernelsOf(module, memory), memory, module };
}

export function kernelsOf(module: WebAssembly.Module, memory: WebAssembly.Memory): Kernels {
  return new WebAssembly.Instance(module, { env: { memory, abort: failed } }).exports as unknown as Kernels;
}

let alone: WebAssembly.Module | undefined;

function moduleOf(base64: string): WebAssembly.Module {
  return new WebAssembly.Module(Uint8Array.from(atob(base64), (one) => one.charCodeAt(0)));
}

function failed(): never {
  throw new Error("a kernel stopped");
}
