// An ICC profile in pieces, one an APP2 segment (ICC.1:2022, annex B.4): all there, each once?
// Its colours are not used; but libjpeg-turbo warns of a broken one, and Python refuses such a file.

import { warned } from "./damage";

const NAME = "ICC_PROFILE\0";
const BEFORE = NAME.length + 2;

export function isProfile(body: Uint8Array): boolean {
  return body.length >= BEFORE && Array.from(NAME).every((letter, at) => body[at] === letter.charCodeAt(0));
}

/** Throws Damage. `pieces` are the segments' bodies, in the file's order. */
export function checkProfile(pieces: readonly Uint8Array[]): void {
  const [first] = pieces;
  if (!first) return;
  const count = first[BEFORE - 1]!;
  const places = new Set(pieces.map((piece) => piece[BEFORE - 2] ?? 0));
  const fits = pieces.every((piece) => piece[BEFORE - 1] === count && piece[BEFORE - 2]! >= 1 && piece[BEFORE - 2]! <= count);
  const empty = pieces.every((piece) => piece.length === BEFORE);
  if (!fits || places.size !== pieces.length || places.size !== count || empty) {
    throw warned("Corrupt JPEG data: bad ICC marker");
  }
}
