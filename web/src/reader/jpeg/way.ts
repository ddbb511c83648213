// The ways to decode a JPEG: each begins off this thread, and gives the picture when it is asked for.

import type { Pixels } from "../pixels";
import type { JpegHeader } from "./header";

export type WayName = "planes" | "browser" | "codec";

/** A picture that is being decoded; it is either taken or dropped, once. */
export interface Begun {
  /** Upright. Throws an Error where this way cannot decode the file. */
  take(): Promise<Pixels>;
  drop(): void;
}

export interface Way {
  readonly name: WayName;
  /** What files of a kind have in common: where this way is right for one, it is for all. */
  kindOf(header: JpegHeader): string;
  /** Of a file without what a browser might turn or colour it by. */
  begin(plain: Uint8Array<ArrayBuffer>, header: JpegHeader): Begun;
}
