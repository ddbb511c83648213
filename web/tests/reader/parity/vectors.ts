// Cases that Python answered just now: tests/edge/vectors.py writes them, tests/edge/test_parity_vectors.py calls.

import { readFileSync } from "node:fs";
import { join } from "node:path";

/** "" where nobody gave any: `vitest run` alone. */
export const FOLDER = process.env["OVERREAD_VECTORS"] ?? "";

export function vectors<T>(name: string): T[] {
  return FOLDER ? (JSON.parse(readFileSync(join(FOLDER, `${name}.json`), "utf-8")) as T[]) : [];
}

export interface FileCase {
  file: Uint8Array<ArrayBuffer>;
  /** SHA-256 of uint8 [height, width, 3]; null where Python refuses. */
  pixels: string | null;
  reason: string | null;
}

export function files(name: string): FileCase[] {
  if (!FOLDER) return [];
  const blob = new Uint8Array(readFileSync(join(FOLDER, `${name}.bin`)));
  return vectors<{ from: number; to: number; pixels: string | null; reason: string | null }>(name).map((row) => ({
    file: blob.slice(row.from, row.to),
    pixels: row.pixels,
    reason: row.reason,
  }));
}

/** A float as Python's repr writes it. */
export function numberOf(text: string): number {
  return text.endsWith("inf") ? Number(text.replace("inf", "Infinity")) : Number(text);
}
