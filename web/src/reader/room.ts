// Kernels over a memory that grows, for what is laid out anew for each picture.

import { FIRST, type Kernels, openKernels, PAGE } from "./kernels";

export interface Room<Places> {
  kernels: Kernels;
  /** Another one after the next `make`, if it had to grow. */
  memory: WebAssembly.Memory;
  places: Places;
}

export class RoomMaker {
  private readonly opened = openKernels(FIRST);

  /** Places of so many bytes, one after the other, each with room for what kernels touch beyond its end. */
  make<const Sizes extends readonly number[]>(sizes: Sizes): Room<{ [K in keyof Sizes]: number }> {
    const { kernels, memory } = this.opened;
    let end = FIRST;
    const places = sizes.map((size) => {
      const from = end;
      end += (size + 127) & ~63;
      return from;
    });
    const missing = end - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
    return { kernels, memory, places: places as { [K in keyof Sizes]: number } };
  }
}
