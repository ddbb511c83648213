// How a PNG is to be turned, from where Pillow takes it: its eXIf chunk, ImageMagick's text, or XMP.

import { exifOrientation } from "../exif";
import type { Chunk } from "./chunks";
import { textsOf } from "./text";

const RAW = "Raw profile type exif";
const XMP = "XML:com.adobe.xmp";
const EXIF_NAME_LENGTH = 6;

/** 1..8. */
export async function orientationOf(chunks: readonly Chunk[]): Promise<number> {
  const exif = chunks.filter((chunk) => chunk.name === "eXIf").pop();
  const texts = await textsOf(chunks, [RAW, XMP]);
  const said = exif ? exifOrientation(exif.data) : exifOrientation(rawProfile(texts.get(RAW) ?? ""));
  const told = Number(/tiff:Orientation(?:="|>)([0-9])/.exec(texts.get(XMP) ?? "")?.[1] ?? 0);
  return said || (told >= 1 && told <= 8 ? told : 1);
}

/** The bytes of a block that is written as hexadecimal text after three lines; without its name. */
function rawProfile(text: string): Uint8Array {
  const digits = text.split("\n").slice(3).join("").replaceAll(/\s/g, "");
  const bytes = (digits.match(/[0-9a-f]{2}/gi) ?? []).map((pair) => parseInt(pair, 16));
  return Uint8Array.from(bytes.slice(EXIF_NAME_LENGTH));
}
