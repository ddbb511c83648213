// How large a photograph may be before it is refused unseen: what a phone's browser can hold.

import { Refusal } from "./refusal";

/** Python's are 256 MiB and 120 megapixels; a page that asks for so much is killed. */
export const MAX_BYTES = 64 * 1024 * 1024;
export const MAX_PIXELS = 50_000_000;

export function checkBytes(size: number): void {
  if (!size) throw new Refusal("empty", "expected an image, got a file of 0 bytes", "export it again");
  if (size > MAX_BYTES) {
    throw new Refusal("too-large", `expected at most ${MAX_BYTES} bytes, got ${size}`, "export the image smaller");
  }
}

export function checkSize(width: number, height: number): void {
  if (width < 1 || height < 1) {
    throw new Refusal("damaged", `the header claims ${width} × ${height} pixels`, "export it again");
  }
  if (width * height > MAX_PIXELS) {
    const claim = `the header claims ${width} × ${height}`;
    throw new Refusal("too-large", `expected at most ${MAX_PIXELS} pixels, but ${claim}`, "export the image smaller");
  }
}
