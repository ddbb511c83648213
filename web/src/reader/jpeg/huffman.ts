// Huffman tables of a JPEG (ITU-T T.81, annex C and F.2.2.3), looked up by the next 16 bits.

import { damaged } from "./damage";

/** Length of a code in the upper byte, its symbol in the lower; a length of 17 is no code. */
export type Lookup = Uint16Array;

export const NO_CODE = 17 << 8;

export interface HuffmanTable {
  /** How many codes of 1..16 bits. */
  counts: Uint8Array;
  symbols: Uint8Array;
}

// Cameras write the same tables into every file.
const MOST_KEPT = 8;
const kept = new Map<string, Lookup>();

/** Throws Damage for a table whose codes do not fit, or for a DC symbol beyond 15. */
export function lookupOf(table: HuffmanTable | undefined, isDc: boolean): Lookup {
  if (!table) throw damaged("a Huffman table is missing");
  const key = `${isDc} ${table.counts} ${table.symbols}`;
  const lookup = kept.get(key) ?? made(table, isDc);
  if (kept.size >= MOST_KEPT) kept.clear();
  kept.set(key, lookup);
  return lookup;
}

function made(table: HuffmanTable, isDc: boolean): Lookup {
  const lookup = new Uint16Array(1 << 16).fill(NO_CODE);
  let code = 0;
  let at = 0;
  for (let length = 1; length <= 16; length++, code <<= 1) {
    const count = table.counts[length - 1] ?? 0;
    // No code may be all ones, and so none is left over where a length is used up.
    if (count && code + count >= 1 << length) throw damaged("Bogus Huffman table definition");
    for (let one = 0; one < count; one++, code++, at++) {
      const symbol = table.symbols[at] ?? 0;
      if (isDc && symbol > 15) throw damaged("Bogus Huffman table definition");
      const shift = 16 - length;
      lookup.fill((length << 8) | symbol, code << shift, (code + 1) << shift);
    }
  }
  return lookup;
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
