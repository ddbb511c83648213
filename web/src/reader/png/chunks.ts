// The chunks of a PNG, each with its checksum checked (PNG 3rd edition, section 5): overread/imaging/png.py.

import { AGAIN, Refusal } from "../refusal";

export interface Chunk {
  name: string;
  data: Uint8Array<ArrayBuffer>;
}

const SIGNATURE_LENGTH = 8;

/** All chunks up to IEND. Throws Refusal: truncated, or damaged where a checksum or the header is wrong. */
export function readChunks(file: Uint8Array<ArrayBuffer>): Chunk[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const chunks: Chunk[] = [];
  let at = SIGNATURE_LENGTH;
  while (at + 12 <= file.length) {
    const length = view.getUint32(at);
    const name = String.fromCharCode(...file.subarray(at + 4, at + 8));
    const end = at + 8 + length;
    if (!/^[A-Za-z]{4}$/.test(name)) {
      throw new Refusal("damaged", "the PNG data hold something that is not a chunk", AGAIN);
    }
    if (end + 4 > file.length) break;
    if (crc32(file.subarray(at + 4, end)) !== view.getUint32(end)) {
      throw new Refusal("damaged", `the PNG chunk ${name} has a wrong checksum`, AGAIN);
    }
    if ((name === "IHDR") !== (at === SIGNATURE_LENGTH) || (name === "IHDR" && length !== 13)) {
      throw new Refusal("damaged", "the PNG data do not begin with one header", AGAIN);
    }
    chunks.push({ name, data: file.subarray(at + 8, end) });
    if (name === "IEND") return chunks;
    at = end + 4;
  }
  throw new Refusal("truncated", "the PNG data end too early", AGAIN);
}

let table: Uint32Array | null = null;

function crc32(bytes: Uint8Array): number {
  table ??= Uint32Array.from({ length: 256 }, (_, value) => {
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    return value;
  });
  let crc = ~0;
  for (let at = 0; at < bytes.length; at++) crc = table[(crc ^ bytes[at]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
