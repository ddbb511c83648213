// An encoded photograph to pixels: the same bytes as in Python, or a refusal (overread/imaging/decode.py).

import { startDecoding, takePixels } from "./jpeg/browser";
import { Codec } from "./jpeg/codec";
import { plainFile } from "./jpeg/header";
import type { Verified } from "./jpeg/verify";
import { AS_PNG, checkWhole, readableHeader } from "./jpeg/whole";
import { checkBytes } from "./limits";
import type { Pixels } from "./pixels";
import { decodePng } from "./png/decode";
import { AGAIN, Refusal } from "./refusal";
import { sniff } from "./sniff";

/** Who decodes JPEG: the browser, or the codec that the site brings. */
export type Decoder = "browser" | "codec";

export class PhotoDecoder {
  private codec: Promise<Codec> | null = null;

  /** `program` fetches and checks the codec's; it is asked for once, and only where it is needed. */
  constructor(
    public kind: Decoder,
    private readonly program: () => Promise<Uint8Array<ArrayBuffer>>,
  ) {}

  /** Pixels upright. Throws Refusal. */
  async decode(file: Uint8Array<ArrayBuffer>): Promise<Pixels> {
    checkBytes(file.length);
    const format = sniff(file);
    if (!format) {
      const start = Array.from(file.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
      const what = `expected a JPEG or PNG file, but its first bytes are ${start}`;
      throw new Refusal("not-an-image", what, "remove it or export it as PNG");
    }
    if (format.read === "image/png") return decodePng(file);
    if (format.read === "image/jpeg") return this.decodeJpeg(file);
    throw new Refusal("unsupported", `expected a JPEG or PNG file, got ${format.name}`, "export the image as PNG");
  }

  private async decodeJpeg(file: Uint8Array<ArrayBuffer>): Promise<Pixels> {
    const header = readableHeader(file);
    const plain = plainFile(file, header);
    // The browser decodes on another thread while this one looks whether the file is whole.
    const bitmap = this.kind === "browser" ? startDecoding(plain) : null;
    bitmap?.catch(() => undefined);
    let verified: Verified;
    try {
      verified = checkWhole(file, header);
    } catch (thrown) {
      bitmap?.then((unused) => unused.close()).catch(() => undefined);
      throw thrown;
    }
    if (bitmap) {
      try {
        return takePixels(await bitmap, header.orientation);
      } catch {
        // A browser may give up on a file that is whole, or on its size; the codec does not.
      }
    }
    if (verified.tallChroma) {
      throw new Refusal("unsupported", "this browser does not read JPEG with 4:4:0 sampling exactly", AS_PNG);
    }
    return this.byCodec(plain, header.orientation);
  }

  private async byCodec(plain: Uint8Array<ArrayBuffer>, orientation: number): Promise<Pixels> {
    this.codec ??= this.program().then(async (bytes) => new Codec(await WebAssembly.compile(bytes)));
    const codec = await this.codec;
    try {
      return await codec.decode(plain, orientation);
    } catch {
      throw new Refusal("damaged", "the JPEG data are damaged", AGAIN);
    }
  }
}
