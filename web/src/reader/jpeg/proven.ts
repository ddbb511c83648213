// Is a way to decode JPEG right on this device? The self-test's pictures say for which kinds of files.

import { sha256 } from "../sha256";
import { within } from "../within";
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

/** Milliseconds for one small picture; a browser that takes longer may never answer. */
const PATIENCE = 5_000;

/** Each way is asked once, and only when it is needed. */
export function proofOn(pictures: () => Promise<readonly Known[]>, patience = PATIENCE): Proof {
  const asked = new Map<Way, Promise<ReadonlySet<string> | null>>();
  // Kept: a way that is asked later must not need the network.
  let known: Promise<readonly Known[]> | undefined;
  const fetched = () => (known ??= pictures());
  return (way) => {
    const found = asked.get(way) ?? kindsOf(way, fetched, patience);
    asked.set(way, found);
    return found;
  };
}

async function kindsOf(
  way: Way, pictures: () => Promise<readonly Known[]>, patience: number,
): Promise<ReadonlySet<string> | null> {
  const right = new Set<string>();
  for (const { file, pixels } of await pictures()) {
    const header = readableHeader(file);
    const taken = way.begin(plainFile(file, header), header).take();
    const decoded = await within(patience, taken.catch(() => null), () => "late" as const);
    if (decoded === "late") return null;
    if (!decoded) continue; // It may read other kinds.
    if ((await sha256(decoded.data)) !== pixels) return null;
    right.add(way.kindOf(header));
  }
  return right.size ? right : null;
}
