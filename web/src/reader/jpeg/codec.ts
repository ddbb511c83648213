// JPEG by the codec that the site brings (libjpeg-turbo's arithmetic, as MozJPEG has it), where the browser's own
// decoder gives other pixels.

import factory from "@jsquash/jpeg/codec/dec/mozjpeg_dec.js";
import binary from "@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm?url";
import { Upright, type Pixels } from "../pixels";
import { AGAIN, AS_PNG, Refusal } from "../refusal";
import { hasTallChroma, type JpegHeader } from "./header";
import type { Begun, Way } from "./way";

/** Where the build put the codec's program. */
export const CODEC = new URL(binary, import.meta.url).href;

export class Codec implements Way {
  readonly name = "codec";
  private compiled: Promise<WebAssembly.Module> | null = null;
  private module: ReturnType<typeof factory> | null = null;

  /** `program` fetches and checks it; it is asked for once, and only where it is needed. */
  constructor(private readonly program: () => Promise<Uint8Array<ArrayBuffer>>) {}

  kindOf(): string {
    return "";
  }

  begin(plain: Uint8Array<ArrayBuffer>, header: JpegHeader): Begun {
    return { take: () => this.decode(plain, header), drop: () => undefined };
  }

  private async decode(plain: Uint8Array<ArrayBuffer>, header: JpegHeader): Promise<Pixels> {
    if (hasTallChroma(header)) {
      throw new Refusal("unsupported", "this browser does not read JPEG with 4:4:0 sampling exactly", AS_PNG);
    }
    const program = await (this.compiled ??= this.program().then((bytes) => WebAssembly.compile(bytes)));
    const module = await (this.module ??= started(program));
    try {
      const decoded = module.decode(plain, false);
      if (!decoded) throw new Error("the codec gave no picture");
      const upright = new Upright(decoded.width, decoded.height, header.orientation);
      upright.put(decoded.data, 0);
      return upright.pixels;
    } catch {
      this.module = null; // What it held is lost when it gives up.
      throw new Refusal("damaged", "the JPEG data are damaged", AGAIN);
    }
  }
}

function started(program: WebAssembly.Module): ReturnType<typeof factory> {
  return factory({
    noInitialRun: true,
    // Its types name a module where an instance is meant.
    instantiateWasm: (imports: WebAssembly.Imports, done: (made: WebAssembly.Module) => void) => {
      const instance = new WebAssembly.Instance(program, imports);
      (done as unknown as (made: WebAssembly.Instance) => void)(instance);
      return instance.exports;
    },
  });
}
