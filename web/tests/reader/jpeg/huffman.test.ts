import { describe, expect, it } from "vitest";
import { lookupOf, NO_CODE, usualTables, type HuffmanTable, type Lookup } from "../../../src/reader/jpeg/huffman";

const found = ({ short, long, from }: Lookup, window: number) =>
  window < from ? short[window >> 6]! : long[window - from]!;

/** T.81, F.2.2.3: bit by bit, until the code is among those of its length. */
function decoded({ counts, symbols }: HuffmanTable, window: number): number {
  let [first, before] = [0, 0];
  for (let length = 1; length <= 16; length++) {
    const place = (window >> (16 - length)) - first;
    const count = counts[length - 1]!;
    if (place < count) return (length << 8) | symbols[before + place]!;
    before += count;
    first = (first + count) << 1;
  }
  return NO_CODE;
}

const table = (counts: Record<number, number>, first = 0): HuffmanTable => {
  const all = Uint8Array.from({ length: 16 }, (_, at) => counts[at + 1] ?? 0);
  const symbols = Uint8Array.from({ length: all.reduce((a, b) => a + b) }, (_, at) => (first + 7 * at) & 255);
  return { counts: all, symbols };
};

describe("lookupOf", () => {
  const usual = usualTables();
  it.each([
    ["of luma's AC", usual.ac[0]!],
    ["of chroma's AC", usual.ac[1]!],
    ["of short codes only", table({ 2: 3 })],
    ["of long codes only", table({ 11: 3, 16: 40 })],
    ["of one code", table({ 1: 1 })],
    ["with codes of 10 and 11 bits", table({ 1: 1, 10: 300, 11: 200, 15: 20 })],
    ["of none", table({})],
  ])("gives length and symbol of whatever 16 bits come, in a table %s", (_, one) => {
    const lookup = lookupOf(one, false);
    const wrong = Array.from({ length: 1 << 16 }, (_, window) => window).filter(
      (window) => found(lookup, window) !== decoded(one, window),
    );
    expect(wrong).toEqual([]);
  });

  it("makes a table once", () => {
    const lookup = lookupOf(table({ 3: 2 }), false);
    expect(lookupOf(table({ 3: 2 }), false)).toBe(lookup);
    for (const other of [table({ 3: 2 }, 1), table({ 3: 1, 4: 1 })]) expect(lookupOf(other, false)).not.toBe(lookup);
  });

  it("refuses for DC what it made for AC", () => {
    lookupOf(table({ 4: 4 }), false);
    expect(() => lookupOf(table({ 4: 4 }), true)).toThrow();
  });

  it.each([
    ["missing", undefined],
    ["whose codes do not fit", table({ 1: 3 })],
    ["with a code of ones alone", table({ 1: 2 })],
    ["of DC with a symbol beyond 15", table({ 4: 4 })],
  ])("refuses a table %s", (_, one) => {
    expect(() => lookupOf(one, true)).toThrow();
  });
});
