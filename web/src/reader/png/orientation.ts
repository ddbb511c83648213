// How a PNG is to be turned: its eXIf chunk.

import { exifOrientation } from "../exif";
import type { Chunk } from "./chunks";

/** 1..8. */
export async function orientationOf(chunks: Chunk[]): Promise<number> {
  const exif = chunks.filter((chunk) => chunk.name === "eXIf").pop();
  return (exif && exifOrientation(exif.data)) || 1;
}
