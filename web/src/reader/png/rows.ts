// Rows of a PNG: filters undone (PNG 3rd edition, section 9), samples of 1 to 16 bits as RGB.

import { AGAIN, Refusal } from "../refusal";

export interface Samples {
  bits: number;
  channels: number;
  /** RGB entries where a sample is a place in them. */
  palette: Uint8Array | null;
}

export interface Pass {
  width: number;
  height: number;
  left: number;
  top: number;
  right: number;
  down: number;
}

const WHOLE = { left: 0, top: 0, right: 1, down: 1 };
const ADAM7 = [
  { left: 0, top: 0, right: 8, down: 8 },
  { left: 4, top: 0, right: 8, down: 8 },
  { left: 0, top: 4, right: 4, down: 8 },
  { left: 2, top: 0, right: 4, down: 4 },
  { left: 0, top: 2, right: 2, down: 4 },
  { left: 1, top: 0, right: 2, down: 2 },
  { left: 0, top: 1, right: 1, down: 2 },
];

/** The passes in which the rows come; without interlacing one. */
export function passesOf(width: number, height: number, interlaced: boolean): Pass[] {
  return (interlaced ? ADAM7 : [WHOLE])
    .map((pass) => ({
      ...pass,
      width: Math.ceil((width - pass.left) / pass.right),
      height: Math.ceil((height - pass.top) / pass.down),
    }))
    .filter((pass) => pass.width > 0 && pass.height > 0);
}

export function rowBytes(width: number, samples: Samples): number {
  return Math.ceil((width * samples.bits * samples.channels) / 8);
}

/** Undo the filters of one pass in place. Each row begins with its filter's number. */
export function unfilter(data: Uint8Array, rows: number, length: number, pixel: number): void {
  let above: Uint8Array = new Uint8Array(length);
  for (let row = 0, at = 0; row < rows; row++, at += length + 1) {
    const filter = data[at]!;
    const line = data.subarray(at + 1, at + 1 + length);
    if (filter === 1) for (let x = pixel; x < length; x++) line[x] = line[x]! + line[x - pixel]!;
    else if (filter === 2) for (let x = 0; x < length; x++) line[x] = line[x]! + above[x]!;
    else if (filter === 3) average(line, above, pixel);
    else if (filter === 4) paeth(line, above, pixel);
    else if (filter !== 0) throw new Refusal("damaged", "the PNG data are damaged", AGAIN);
    above = line;
  }
}

function average(line: Uint8Array, above: Uint8Array, pixel: number): void {
  for (let x = 0; x < line.length; x++) {
    const left = x < pixel ? 0 : line[x - pixel]!;
    line[x] = line[x]! + ((left + above[x]!) >> 1);
  }
}

function paeth(line: Uint8Array, above: Uint8Array, pixel: number): void {
  for (let x = 0; x < line.length; x++) {
    const a = x < pixel ? 0 : line[x - pixel]!;
    const b = above[x]!;
    const c = x < pixel ? 0 : above[x - pixel]!;
    const [pa, pb, pc] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)];
    line[x] = line[x]! + (pa <= pb && pa <= pc ? a : pb <= pc ? b : c);
  }
}

/** One unfiltered row as RGBA; alpha is dropped, of 16 bits the high byte kept, fewer than 8 are stretched. */
export function toRgba(line: Uint8Array, width: number, samples: Samples, rgba: Uint8Array): void {
  const { bits, channels, palette } = samples;
  if (bits < 8) {
    const most = (1 << bits) - 1;
    for (let x = 0, to = 0; x < width; x++, to += 4) {
      const at = x * bits;
      const sample = (line[at >> 3]! >> (8 - bits - (at & 7))) & most;
      if (palette) colour(rgba, to, palette, sample);
      else rgba[to] = rgba[to + 1] = rgba[to + 2] = (sample * 255) / most;
    }
    return;
  }
  const size = bits / 8;
  const step = channels * size;
  for (let x = 0, to = 0, from = 0; x < width; x++, to += 4, from += step) {
    if (palette) colour(rgba, to, palette, line[from]!);
    else if (channels < 3) rgba[to] = rgba[to + 1] = rgba[to + 2] = line[from]!;
    else {
      rgba[to] = line[from]!;
      rgba[to + 1] = line[from + size]!;
      rgba[to + 2] = line[from + 2 * size]!;
    }
  }
}

function colour(rgba: Uint8Array, to: number, palette: Uint8Array, place: number): void {
  rgba[to] = palette[3 * place] ?? 0;
  rgba[to + 1] = palette[3 * place + 1] ?? 0;
  rgba[to + 2] = palette[3 * place + 2] ?? 0;
}
