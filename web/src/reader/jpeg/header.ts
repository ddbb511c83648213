// What stands before a JPEG's first scan (ITU-T T.81, annex B): overread/imaging/jpeg.py, read_header.

import { AGAIN, Refusal } from "../refusal";
import { exifOrientation } from "../exif";

export interface JpegHeader {
  /** The start-of-frame marker: 0xC0 baseline, 0xC1 extended, 0xC2 progressive; others are not read. */
  frame: number;
  precision: number;
  width: number;
  height: number;
  components: number;
  /** Of each component, across and down, as "2x2 1x1 1x1" for 4:2:0. */
  sampling: string;
  /** EXIF orientation 1..8. */
  orientation: number;
  /** Where the first scan begins. */
  scan: number;
  /** [from, to) of the segments that say how to show the pixels, not what they are: EXIF, XMP, ICC profiles. */
  beside: [number, number][];
}

const EOI = 0xd9;
const SOS = 0xda;
const APP0 = 0xe0;
const APP1 = 0xe1;
const APP14 = 0xee;
const APP15 = 0xef;
const COM = 0xfe;
const EXIF = [0x45, 0x78, 0x69, 0x66, 0, 0];

export function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

function isStandalone(marker: number): boolean {
  return marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);
}

/** Throws Refusal: truncated where the file ends before the first scan, damaged where it has no frame. */
export function readHeader(file: Uint8Array): JpegHeader {
  const header = { frame: 0, precision: 0, width: 0, height: 0, components: 0, sampling: "", orientation: 0 };
  const beside: [number, number][] = [];
  let at = 2;
  while (at + 4 <= file.length) {
    if (file[at] !== 0xff) {
      at += 1;
      continue;
    }
    const marker = file[at + 1]!;
    if (marker === 0xff || marker === 0 || isStandalone(marker)) {
      at += marker === 0xff ? 1 : 2;
      continue;
    }
    if (marker === EOI) throw new Refusal("damaged", "the JPEG data hold no image", AGAIN);
    const length = (file[at + 2]! << 8) | file[at + 3]!;
    if (at + 2 + length > file.length) break;
    const body = file.subarray(at + 4, Math.max(at + 2 + length, at + 4));
    if (marker === SOS) {
      if (!header.frame) throw new Refusal("damaged", "the JPEG data have no frame header", AGAIN);
      return { ...header, orientation: header.orientation || 1, scan: at, beside };
    }
    if (isFrame(marker)) {
      header.frame = marker;
      header.precision = body[0] ?? 0;
      header.height = ((body[1] ?? 0) << 8) | (body[2] ?? 0);
      header.width = ((body[3] ?? 0) << 8) | (body[4] ?? 0);
      header.components = body[5] ?? 0;
      header.sampling = samplingOf(body);
    } else if (marker === APP1 && !header.orientation && EXIF.every((byte, index) => body[index] === byte)) {
      header.orientation = exifOrientation(body.subarray(6));
    }
    const next = at + 2 + Math.max(length, 2);
    if ((marker > APP0 && marker <= APP15 && marker !== APP14) || marker === COM) beside.push([at, next]);
    at = next;
  }
  throw new Refusal("truncated", "the JPEG data end before the image", AGAIN);
}

function samplingOf(frame: Uint8Array): string {
  const factors: string[] = [];
  for (let at = 7; at < frame.length; at += 3) factors.push(`${frame[at]! >> 4}x${frame[at]! & 15}`);
  return factors.join(" ");
}

/** Is chroma halved in height alone (4:4:0)? Older libjpeg-turbo brings that to size otherwise. */
export function hasTallChroma({ sampling }: JpegHeader): boolean {
  const [luma, chroma] = sampling.split(" ").map((one) => one.split("x").map(Number));
  return !!luma && !!chroma && luma[0] === chroma[0] && luma[1] === 2 * chroma[1]!;
}

/** The file without what a browser might turn or colour it by, in one piece: Firefox looks at the first alone. */
export function plainFile(file: Uint8Array<ArrayBuffer>, header: JpegHeader): Uint8Array<ArrayBuffer> {
  const left = header.beside.reduce((sum, [start, end]) => sum + end - start, 0);
  const plain = new Uint8Array(file.length - left);
  let [from, to] = [0, 0];
  for (const [start, end] of [...header.beside, [file.length, file.length] as const]) {
    plain.set(file.subarray(from, start), to);
    to += start - from;
    from = end;
  }
  return plain;
}
