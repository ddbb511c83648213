// The image data of a PNG: zlib by the browser's own, as far as the rows need it.

import { AGAIN, Refusal } from "../refusal";

/** The first `wanted` bytes of what `parts` hold together; what follows is not looked at, as in Python. */
export async function inflate(parts: Uint8Array<ArrayBuffer>[], wanted: number): Promise<Uint8Array<ArrayBuffer>> {
  const out = new Uint8Array(wanted);
  const reader = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
  let filled = 0;
  try {
    while (filled < wanted) {
      const { done, value } = await reader.read();
      if (done) throw new Refusal("truncated", "the PNG data end too early", AGAIN);
      out.set(value.subarray(0, wanted - filled), filled);
      filled += value.length;
    }
  } catch (thrown) {
    if (thrown instanceof Refusal) throw thrown;
    throw new Refusal("damaged", "the PNG data are damaged", AGAIN);
  } finally {
    await reader.cancel().catch(() => undefined); // a stream that failed says so again
  }
  return out;
}
