// The texts of a PNG by their keywords (PNG 3rd edition, section 11.3.3): tEXt, zTXt and iTXt.

import type { Chunk } from "./chunks";

const LATIN1 = new TextDecoder("latin1");

/** Those that are wanted; of several with one keyword the last, as in Pillow. */
export async function textsOf(chunks: readonly Chunk[], wanted: readonly string[]): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const { name, data } of chunks) {
    if (name !== "tEXt" && name !== "zTXt" && name !== "iTXt") continue;
    const [keyword, rest] = parted(data);
    if (!rest || !wanted.includes(keyword)) continue;
    const text = name === "tEXt" ? rest : name === "zTXt" ? await inflated(rest.subarray(1)) : await international(rest);
    if (text) texts.set(keyword, (name === "iTXt" ? new TextDecoder() : LATIN1).decode(text));
  }
  return texts;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** Before and after the first zero. */
function parted(data: Bytes): [string, Bytes | null] {
  const zero = data.indexOf(0);
  return zero < 0 ? [LATIN1.decode(data), null] : [LATIN1.decode(data.subarray(0, zero)), data.subarray(zero + 1)];
}

async function international(rest: Bytes): Promise<Bytes | null> {
  const [, afterLanguage] = parted(rest.subarray(2));
  const [, text] = afterLanguage ? parted(afterLanguage) : ["", null];
  return text && rest[0] ? inflated(text) : text;
}

/** null where it cannot be read: a text that is damaged does not make the pixels wrong. */
async function inflated(data: Bytes): Promise<Bytes | null> {
  try {
    const stream = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch {
    return null;
  }
}
