// An encoded photograph to pixels: the same bytes as in Python, or a refusal (overread/imaging/decode.py).

import { startDecoding, takePixels } from "./jpeg/browser";
import { readHeader } from "./jpeg/header";
import { checkBytes, checkSize } from "./limits";
import type { Pixels } from "./pixels";
import { decodePng } from "./png/decode";
import { AGAIN, Refusal } from "./refusal";
import { sniff } from "./sniff";

export type Decoder = "browser" | "codec";

/** Throws Refusal. */
export async function decode(file: Uint8Array<ArrayBuffer>, _decoder: Decoder): Promise<Pixels> {
  checkBytes(file.length);
  const format = sniff(file);
  if (!format) {
    const start = Array.from(file.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const what = `expected a JPEG or PNG file, but its first bytes are ${start}`;
    throw new Refusal("not-an-image", what, "remove it or export it as PNG");
  }
  if (format.read === "image/png") return decodePng(file);
  if (format.read === "image/jpeg") return decodeJpeg(file);
  throw new Refusal("unsupported", `expected a JPEG or PNG file, got ${format.name}`, "export the image as PNG");
}

async function decodeJpeg(file: Uint8Array<ArrayBuffer>): Promise<Pixels> {
  const header = readHeader(file);
  const read = header.frame >= 0xc0 && header.frame <= 0xc2 && header.precision === 8;
  if (!read) {
    const got = `${header.precision}-bit SOF${header.frame - 0xc0}`;
    const what = `expected 8-bit baseline or progressive JPEG, got ${got}`;
    throw new Refusal("unsupported", what, "export the image as PNG");
  }
  checkSize(header.width, header.height);
  try {
    return takePixels(await startDecoding(file, header), header.orientation);
  } catch (thrown) {
    if (thrown instanceof Refusal) throw thrown;
    throw new Refusal("damaged", "the JPEG data are damaged", AGAIN);
  }
}
