// JPEG by the codec that the site brings (libjpeg-turbo's arithmetic, as MozJPEG has it), where the browser's own
// decoder gives other pixels.

import factory from "@jsquash/jpeg/codec/dec/mozjpeg_dec.js";
import binary from "@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm?url";
import { Upright, type Pixels } from "../pixels";

/** Where the build put the codec's program. */
export const CODEC = new URL(binary, import.meta.url).href;

export class Codec {
  private module: ReturnType<typeof factory> | null = null;

  constructor(private readonly program: WebAssembly.Module) {}

  /** Pixels turned upright. Throws an Error for a file that it cannot read. */
  async decode(file: Uint8Array<ArrayBuffer>, orientation: number): Promise<Pixels> {
    const module = await (this.module ??= this.start());
    try {
      const decoded = module.decode(file, false);
      if (!decoded) throw new Error("the codec gave no picture");
      const upright = new Upright(decoded.width, decoded.height, orientation);
      upright.put(decoded.data, 0);
      return upright.pixels;
    } catch (thrown) {
      this.module = null; // What it held is lost when it gives up.
      throw thrown;
    }
  }

  private start(): ReturnType<typeof factory> {
    return factory({
      noInitialRun: true,
      // Its types name a module where an instance is meant.
      instantiateWasm: (imports: WebAssembly.Imports, done: (made: WebAssembly.Module) => void) => {
        const instance = new WebAssembly.Instance(this.program, imports);
        (done as unknown as (made: WebAssembly.Instance) => void)(instance);
        return instance.exports;
      },
    });
  }
}
