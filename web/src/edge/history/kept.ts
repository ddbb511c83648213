// One reading as it is kept: with the reader that made it, so that it still says so after an update.

import type { Metadata, Opened, Reading, SelfTest } from "../../reader/contract";

export interface KeptReading {
  id: string;
  /** ISO 8601, UTC. */
  readAt: string;
  /** Of the file. */
  name: string;
  metadata: Metadata;
  reading: Reading;
  /** The upright photograph, at most LONGER_SIDE pixels, JPEG. */
  thumbnail: Blob;
  /** Manifest, site and runtime at that time; without the site's list of files. */
  opened: Opened;
  /** null: it had not ended yet. */
  selfTest: SelfTest | null;
}

export const LONGER_SIDE = 960;

export interface JustRead {
  photograph: Blob;
  name: string;
  metadata: Metadata;
  reading: Reading;
  opened: Opened;
  selfTest: SelfTest | null;
}

/** What to keep, show again and export of a reading that was just made. */
export async function keptOf(read: JustRead, now: Date = new Date()): Promise<KeptReading> {
  const { photograph, opened, ...rest } = read;
  return {
    ...rest,
    id: newId(),
    readAt: now.toISOString(),
    thumbnail: await thumbnailOf(photograph).catch(() => new Blob()), // A reading counts more than its picture.
    opened: { ...opened, site: { ...opened.site, files: [] } },
  };
}

/** Width and height that fit into a square of `longer` pixels; never larger than they were. */
export function fitted(width: number, height: number, longer: number): [number, number] {
  const share = Math.min(1, longer / Math.max(width, height));
  return [Math.max(1, Math.round(width * share)), Math.max(1, Math.round(height * share))];
}

async function thumbnailOf(photograph: Blob): Promise<Blob> {
  const bitmap = await createImageBitmap(photograph);
  try {
    const [width, height] = fitted(bitmap.width, bitmap.height, LONGER_SIDE);
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d");
    if (!context) return new Blob();
    context.fillStyle = "#fff"; // Where a PNG is transparent.
    context.fillRect(0, 0, width, height);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, width, height);
    return await new Promise((resolve) => canvas.toBlob((blob) => resolve(blob ?? new Blob()), "image/jpeg", 0.85));
  } finally {
    bitmap.close();
  }
}

// Not crypto.randomUUID: a page served by http in a local network does not have it.
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
