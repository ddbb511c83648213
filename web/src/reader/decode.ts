// An encoded photograph to pixels: the same bytes as in Python, or a refusal (overread/imaging/decode.py).

import { plainFile, type JpegHeader } from "./jpeg/header";
import type { Proof } from "./jpeg/proven";
import type { Way, WayName } from "./jpeg/way";
import { checkWhole, readableHeader } from "./jpeg/whole";
import { checkBytes } from "./limits";
import type { Pixels } from "./pixels";
import { decodePng } from "./png/decode";
import { Refusal } from "./refusal";
import { sha256 } from "./sha256";
import { sniff } from "./sniff";

const DECODERS: Record<WayName, string> = {
  planes: "WebCodecs",
  browser: "the browser's own decoder",
  codec: "the site's codec",
};

export interface Compared {
  pixels: Pixels;
  /** Whether they are the known ones. */
  same: boolean;
}

interface Decoded {
  pixels: Pixels;
  /** null: no browser had a part in it. */
  way: Way | null;
}

export class PhotoDecoder {
  /** `ways` to decode JPEG, fastest first; the last needs no proof. */
  constructor(
    private ways: readonly Way[],
    private readonly proof: Proof,
    /** Why a way was left. */
    readonly notes: string[] = [],
  ) {}

  /** The way that is taken where it can be. */
  get kind(): WayName {
    return this.ways[0]!.name;
  }

  /** Prove ways, from the fastest on, until one is right. */
  async choose(): Promise<void> {
    for (const way of this.ways.slice(0, -1)) {
      if (await this.proof(way)) return;
      this.leave(way);
    }
  }

  /** Pixels upright. Throws Refusal. */
  async decode(file: Uint8Array<ArrayBuffer>): Promise<Pixels> {
    return (await this.decoded(file)).pixels;
  }

  /** Decode a picture whose pixels are known by their SHA-256; a way that gives others is left for good. */
  async decodeKnown(file: Uint8Array<ArrayBuffer>, known: string | undefined): Promise<Compared> {
    for (;;) {
      const { pixels, way } = await this.decoded(file);
      const same = (await sha256(pixels.data)) === known;
      if (same || !way || way === this.ways.at(-1)) return { pixels, same };
      this.leave(way);
    }
  }

  private async decoded(file: Uint8Array<ArrayBuffer>): Promise<Decoded> {
    checkBytes(file.length);
    const format = sniff(file);
    if (!format) {
      const start = Array.from(file.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
      const what = `expected a JPEG or PNG file, but its first bytes are ${start}`;
      throw new Refusal("not-an-image", what, "remove it or export it as PNG");
    }
    if (format.read === "image/png") return { pixels: await decodePng(file), way: null };
    if (format.read === "image/jpeg") return this.decodeJpeg(file);
    throw new Refusal("unsupported", `expected a JPEG or PNG file, got ${format.name}`, "export the image as PNG");
  }

  private async decodeJpeg(file: Uint8Array<ArrayBuffer>): Promise<Decoded> {
    const header = readableHeader(file);
    const plain = plainFile(file, header);
    let way = await this.wayFor(header);
    // The browser decodes on another thread while this one looks whether the file is whole.
    let begun = way.begin(plain, header);
    try {
      checkWhole(file, header);
    } catch (thrown) {
      begun.drop();
      throw thrown;
    }
    for (;;) {
      try {
        return { pixels: await begun.take(), way };
      } catch (thrown) {
        // A browser may give up on a file that is whole, or on its size; the codec does not.
        if (way === this.ways.at(-1)) throw thrown;
        way = await this.wayFor(header, way);
        begun = way.begin(plain, header);
      }
    }
  }

  /** The first way, or the first after another, that is right for such files. */
  private async wayFor(header: JpegHeader, after?: Way): Promise<Way> {
    for (const way of this.ways.slice(after ? this.ways.indexOf(after) + 1 : 0, -1)) {
      const kinds = await this.proof(way);
      if (!kinds) this.leave(way);
      else if (kinds.has(way.kindOf(header))) return way;
    }
    return this.ways.at(-1)!;
  }

  private leave(way: Way): void {
    const left = this.ways.filter((one) => one !== way);
    if (left.length === this.ways.length) return; // Another picture told it first.
    this.ways = left;
    this.notes.push(`${DECODERS[way.name]} does not give Python's pixels of JPEG here, and is left`);
  }
}
