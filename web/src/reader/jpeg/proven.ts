// Is a way to decode JPEG right on this device? The self-test's pictures say for which kinds of files.

import { sha256 } from "../sha256";
import { plainFile } from "./header";
import type { Way } from "./way";
import { readableHeader } from "./whole";

export interface Known {
  file: Uint8Array<ArrayBuffer>;
  /** SHA-256 of its pixels. */
  pixels: string;
}

/** The kinds of files that a way is right for; null: it gives other pixels, or none. */
export type Proof = (way: Way) => Promise<Pick<ReadonlySet<string>, "has"> | null>;

/** Nothing is asked: who chose the way must know. */
export const UNASKED: Proof = async () => ({ has: () => true });

/** Each way is asked once, and only when it is needed. */
export function proofOn(pictures: () => Promise<readonly Known[]>): Proof {
  const asked = new Map<Way, Promise<ReadonlySet<string> | null>>();
  return (way) => {
    const found = asked.get(way) ?? kindsOf(way, pictures);
    asked.set(way, found);
    return found;
  };
}

async function kindsOf(way: Way, pictures: () => Promise<readonly Known[]>): Promise<ReadonlySet<string> | null> {
  const right = new Set<string>();
  for (const { file, pixels } of await pictures()) {
    const header = readableHeader(file);
    const decoded = await way.begin(plainFile(file, header), header).take().catch(() => null);
    if (!decoded) continue; // It may read other kinds.
    if ((await sha256(decoded.data)) !== pixels) return null;
    right.add(way.kindOf(header));
  }
  return right.size ? right : null;
}
