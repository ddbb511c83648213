// Huffman tables of a JPEG (ITU-T T.81, annex C and F.2.2.3), looked up by the next 16 bits. Most codes are
// short, and their part of a table stays in the processor's nearest cache.

import { damaged } from "./damage";

/** Length of a code in the upper byte of an entry, its symbol in the lower; a length of 17 is no code. */
export interface Lookup {
  /** By the first 10 bits, where all 16 together are below `from`. */
  short: Uint16Array;
  /** By what 16 bits are above `from`: longer codes, and those that are none. */
  long: Uint16Array;
  from: number;
}

export const NO_CODE = 17 << 8;
const SHORT = 10;

export interface HuffmanTable {
  /** How many codes of 1..16 bits. */
  counts: Uint8Array;
  symbols: Uint8Array;
}

interface Kept extends HuffmanTable {
  isDc: boolean;
  lookup: Lookup;
}

// Cameras write the same tables into every file.
const MOST_KEPT = 8;
let kept: Kept[] = [];

/** Throws Damage for a table whose codes do not fit, or for a DC symbol beyond 15. */
export function lookupOf(table: HuffmanTable | undefined, isDc: boolean): Lookup {
  if (!table) throw damaged("a Huffman table is missing");
  const { counts, symbols } = table;
  const ofKind = kept.filter((one) => one.isDc === isDc);
  const known = ofKind.find((one) => areSame(one.counts, counts) && areSame(one.symbols, symbols));
  if (known) return known.lookup;
  const lookup = made(table, isDc);
  if (kept.length >= MOST_KEPT) kept = [];
  kept.push({ isDc, lookup, counts: counts.slice(), symbols: symbols.slice() });
  return lookup;
}

function areSame(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}

function made(table: HuffmanTable, isDc: boolean): Lookup {
  const short = new Uint16Array(1 << SHORT).fill(NO_CODE);
  let long = new Uint16Array(0);
  let from = 0;
  let code = 0;
  let at = 0;
  for (let length = 1; length <= 16; length++, code <<= 1) {
    const count = table.counts[length - 1] ?? 0;
    // No code may be all ones, and so none is left over where a length is used up.
    if (count && code + count >= 1 << length) throw damaged("Bogus Huffman table definition");
    for (let one = 0; one < count; one++, code++, at++) {
      const symbol = table.symbols[at] ?? 0;
      if (isDc && symbol > 15) throw damaged("Bogus Huffman table definition");
      const entry = (length << 8) | symbol;
      if (length <= SHORT) short.fill(entry, code << (SHORT - length), (code + 1) << (SHORT - length));
      else long.fill(entry, (code << (16 - length)) - from, ((code + 1) << (16 - length)) - from);
    }
    if (length === SHORT) {
      from = code << (16 - SHORT); // Codes grow with their length: all that come are above.
      long = new Uint16Array((1 << 16) - from).fill(NO_CODE);
    }
  }
  return { short, long, from };
}

const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));

// T.81, tables K.3 to K.6: what a file without tables of its own means (Motion JPEG).
const CHROMA_DC_COUNTS = "00030101010101010101010000000000";
const LUMA_DC_COUNTS = "00010501010101010100000000000000";
const DC_SYMBOLS = "000102030405060708090a0b";
const LUMA_AC_COUNTS = "0002010303020403050504040000017d";
const LUMA_AC_SYMBOLS =
  "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738" +
  "393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5" +
  "a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa";
const CHROMA_AC_COUNTS = "00020102040403040705040400010277";
const CHROMA_AC_SYMBOLS =
  "0001020311040521310612415107617113223281081442" +
  "91a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a434445464748494a535455565758595a63646566" +
  "6768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8" +
  "c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa";

export function usualTables(): { dc: HuffmanTable[]; ac: HuffmanTable[] } {
  const table = (counts: string, symbols: string) => ({ counts: bytes(counts), symbols: bytes(symbols) });
  return {
    dc: [table(LUMA_DC_COUNTS, DC_SYMBOLS), table(CHROMA_DC_COUNTS, DC_SYMBOLS)],
    ac: [table(LUMA_AC_COUNTS, LUMA_AC_SYMBOLS), table(CHROMA_AC_COUNTS, CHROMA_AC_SYMBOLS)],
  };
}
