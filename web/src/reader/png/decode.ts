// PNG to pixels, as Pillow decodes it: overread/imaging/png.py. Browsers mix alpha in and round 16 bits.

import { checkSize } from "../limits";
import { Upright, type Pixels } from "../pixels";
import { AGAIN, Refusal } from "../refusal";
import { readChunks, type Chunk } from "./chunks";
import { inflate } from "./inflate";
import { passesOf, rowBytes, toRgba, unfilter, type Samples } from "./rows";
import { orientationOf } from "./orientation";

// Colour type → samples a pixel, and the bits that a sample may have (PNG 3rd edition, table 11.1).
const KINDS: Record<number, { channels: number; bits: number[] }> = {
  0: { channels: 1, bits: [1, 2, 4, 8, 16] },
  2: { channels: 3, bits: [8, 16] },
  3: { channels: 1, bits: [1, 2, 4, 8] },
  4: { channels: 2, bits: [8, 16] },
  6: { channels: 4, bits: [8, 16] },
};

/** Throws Refusal. */
export async function decodePng(file: Uint8Array<ArrayBuffer>): Promise<Pixels> {
  const chunks = readChunks(file);
  const head = chunks[0]!.data;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  checkSize(width, height);
  const samples = samplesOf(head[8]!, head[9]!, chunks);
  if (head[11] !== 0) throw new Refusal("damaged", "the PNG data are damaged", AGAIN);
  const passes = passesOf(width, height, head[12] !== 0);
  const sizes = passes.map((pass) => pass.height * (1 + rowBytes(pass.width, samples)));
  const data = await inflate(imageData(chunks), sizes.reduce((sum, size) => sum + size, 0));
  const orientation = await orientationOf(chunks);
  const pixelBytes = Math.max(1, (samples.bits * samples.channels) / 8);
  // Interlaced rows lie scattered: all pixels at once. Else row by row.
  const interlaced = passes.length > 1 || (passes[0]?.right ?? 1) > 1;
  const all = interlaced ? new Uint8Array(4 * width * height) : null;
  const upright = new Upright(width, height, orientation);
  const rgba = new Uint8Array(4 * width);
  let at = 0;
  passes.forEach((pass, index) => {
    const length = rowBytes(pass.width, samples);
    const part = data.subarray(at, (at += sizes[index]!));
    unfilter(part, pass.height, length, pixelBytes);
    for (let row = 0; row < pass.height; row++) {
      const from = row * (length + 1) + 1;
      toRgba(part.subarray(from, from + length), pass.width, samples, rgba);
      if (!all) upright.put(rgba, row);
      else scatter(rgba, pass.width, all, 4 * (width * (pass.top + row * pass.down) + pass.left), 4 * pass.right);
    }
  });
  if (all) upright.put(all, 0);
  return upright.pixels;
}

function scatter(row: Uint8Array, width: number, all: Uint8Array, start: number, step: number): void {
  for (let x = 0, to = start; x < width; x++, to += step) {
    all[to] = row[4 * x]!;
    all[to + 1] = row[4 * x + 1]!;
    all[to + 2] = row[4 * x + 2]!;
  }
}

function samplesOf(bits: number, colour: number, chunks: Chunk[]): Samples {
  const kind = KINDS[colour];
  if (!kind?.bits.includes(bits)) {
    throw new Refusal("damaged", `no PNG has ${bits} bits of colour type ${colour}`, "export the image again");
  }
  const palette = colour === 3 ? paletteOf(chunks) : null;
  return { bits, channels: kind.channels, palette };
}

function paletteOf(chunks: Chunk[]): Uint8Array {
  const first = chunks.findIndex((chunk) => chunk.name === "IDAT");
  const found = chunks.slice(0, Math.max(first, 0)).filter((chunk) => chunk.name === "PLTE");
  const last = found[found.length - 1];
  if (!last) throw new Refusal("damaged", "the PNG data have no palette", AGAIN);
  return last.data;
}

/** The first run of IDAT chunks: what follows another chunk is not looked at. */
function imageData(chunks: Chunk[]): Uint8Array<ArrayBuffer>[] {
  const from = chunks.findIndex((chunk) => chunk.name === "IDAT");
  if (from < 0) throw new Refusal("truncated", "the PNG data end too early", AGAIN);
  const rest = chunks.slice(from);
  const count = rest.findIndex((chunk) => chunk.name !== "IDAT");
  return rest.slice(0, count).map((chunk) => chunk.data);
}
