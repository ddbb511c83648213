// One scan of a JPEG, decoded to the last bit and no further: is every code one, and does the data end with it?
// (ITU-T T.81, annexes F.2 and G.2.) What is refused is what libjpeg-turbo warns of.

import { aheadOfLongCode, Bits } from "./bits";
import { damaged } from "./damage";
import { lookupOf, NO_CODE, type HuffmanTable, type Lookup } from "./huffman";

export interface Component {
  id: number;
  across: number;
  down: number;
  quantisation: number;
  /** Blocks that hold a part of the picture. */
  blocksAcross: number;
  blocksDown: number;
  /** Progressive: precision so far of each coefficient, -1 none; and which of a block are not 0, as two words. */
  precision: Int8Array;
  low: Uint32Array;
  high: Uint32Array;
}

export interface ScanComponent {
  component: Component;
  dc: number;
  ac: number;
}

export interface Scan {
  parts: ScanComponent[];
  from: number;
  to: number;
  before: number;
  shift: number;
}

export interface Tables {
  dc: (HuffmanTable | undefined)[];
  ac: (HuffmanTable | undefined)[];
  /** MCUs between two restart markers; 0: none. */
  restart: number;
}

export interface Frame {
  progressive: boolean;
  mcusAcross: number;
  mcusDown: number;
}

/** What a scan leaves for the search of the next marker. */
export interface Rest {
  /** Where to search, and whether libjpeg has met that marker while it read ahead. */
  at: number;
  met: boolean;
  /** Bytes that were thrown away and are told of at the next search. */
  discarded: number;
}

const MOST_BLOCKS = 10;
/** libjpeg-turbo's fast loop wants so many bytes a block to be there. */
const FAST_BYTES = 512;
/** It reads six bytes where it holds at most 16 bits. */
const FAST_LEAST = 17;
const FAST_STEP = 48;
/** Codes of more than 8 bits. */
const LONG = (9 << 8) - 1;

/** Throws Damage. */
export function readScan(file: Uint8Array, start: number, frame: Frame, scan: Scan, tables: Tables, rest: Rest): void {
  const single = scan.parts.length === 1 ? scan.parts[0]!.component : null;
  const blocks = single ? 1 : scan.parts.reduce((sum, { component }) => sum + component.across * component.down, 0);
  if (blocks > MOST_BLOCKS) throw damaged("Sampling factors too large for interleaved scan");
  const mcus = single ? single.blocksAcross * single.blocksDown : frame.mcusAcross * frame.mcusDown;
  const bits = new Bits(file);
  const decoder = frame.progressive ? progressive(bits, scan, tables) : sequential(bits, scan, tables, !!single);
  const careful = file.length - FAST_BYTES * blocks;
  const interval = tables.restart || mcus;
  bits.take(start, careful);
  for (let done = 0, restarts = 0; ; ) {
    const until = Math.min(mcus, done + interval);
    decoder.restart();
    decoder.run(done, until);
    bits.checkEnd(tables.restart > 0);
    rest.met = bits.ahead > bits.end;
    const unread = rest.met ? 0 : (bits.end - bits.ahead) >> 3;
    done = until;
    if (done >= mcus) {
      if (unread) throw damaged(`Corrupt JPEG data: ${unread} extraneous bytes before marker`);
      break;
    }
    rest.discarded += (Math.min(bits.ahead, bits.end) - bits.at) >> 3;
    if (!rest.met && rest.discarded + unread > 0) throw damaged("Corrupt JPEG data: extraneous bytes before marker");
    if (bits.marker !== 0xd0 + (restarts++ & 7)) throw damaged("Corrupt JPEG data: found another marker than RST");
    bits.take(bits.markerAt + 2, careful);
  }
  rest.at = bits.markerAt;
}

interface Decoder {
  restart(): void;
  run(from: number, until: number): void;
}

function sequential(bits: Bits, scan: Scan, tables: Tables, single: boolean): Decoder {
  if (scan.from !== 0 || scan.to !== 63 || scan.before || scan.shift) {
    throw damaged("Invalid SOS parameters for sequential JPEG");
  }
  const [dc, ac]: [Lookup[], Lookup[]] = [[], []];
  for (const part of scan.parts) {
    const count = single ? 1 : part.component.across * part.component.down;
    const [first, others] = [lookupOf(tables.dc[part.dc], true), lookupOf(tables.ac[part.ac], false)];
    for (let block = 0; block < count; block++) {
      dc.push(first);
      ac.push(others);
    }
  }
  const read = (fast: boolean) => {
    let bad = false;
    for (let block = 0; block < dc.length; block++) bad = readBlock(bits, dc[block]!, ac[block]!, fast) || bad;
    return bad;
  };
  const run = (from: number, until: number) => {
    for (let mcu = from; mcu < until; mcu++) {
      const { at, ahead } = bits;
      // libjpeg's fast loop overlooks codes that are none; what it cannot end before a marker it reads again.
      if (!tables.restart && ahead <= bits.fastUntil) {
        read(true);
        if (bits.ahead <= bits.end) continue;
        [bits.at, bits.ahead] = [at, ahead];
      }
      const bad = read(false);
      bits.checkEnd(tables.restart > 0);
      if (bad) throw damaged("Corrupt JPEG data: bad Huffman code");
    }
  };
  return { restart: () => undefined, run };
}

/** Whether one of its codes is none; libjpeg takes that for a 0. */
function readBlock(bits: Bits, dc: Lookup, ac: Lookup, fast: boolean): boolean {
  const { data } = bits;
  const least = fast ? FAST_LEAST : 8;
  let { at, ahead } = bits;
  let bad = false;
  for (let k = 0; k < 64; k++) {
    if (ahead - at < least) ahead += fast ? FAST_STEP : (64 - ahead + at) & ~7;
    const byte = at >> 3;
    const window = (((data[byte]! << 16) | (data[byte + 1]! << 8) | data[byte + 2]!) >> (8 - (at & 7))) & 0xffff;
    const { short, long, from } = k ? ac : dc;
    const found = window < from ? short[window >> 6]! : long[window - from]!;
    if (found > LONG) {
      if (found === NO_CODE) bad = true;
      if (!fast) ahead = aheadOfLongCode(ahead, at, found >> 8);
    }
    at += found >> 8;
    const size = found & 15;
    if (size) {
      if (ahead - at < (fast ? FAST_LEAST : size)) ahead += fast ? FAST_STEP : (64 - ahead + at) & ~7;
      at += size;
      if (k) k += (found >> 4) & 15;
    } else if (k) {
      if ((found & 0xf0) !== 0xf0) break;
      k += 15;
    }
  }
  bits.at = at;
  bits.ahead = ahead;
  return bad;
}

function progressive(bits: Bits, scan: Scan, tables: Tables): Decoder {
  checkProgression(scan);
  if (scan.from === 0) return scan.before ? dcRefinement(bits, scan, tables) : dcFirst(bits, scan, tables);
  const part = scan.parts[0]!;
  const lookup = lookupOf(tables.ac[part.ac], false);
  return new AcScan(bits, scan, part.component, lookup, tables.restart > 0);
}

function checkProgression(scan: Scan): void {
  const { from, to, before, shift, parts } = scan;
  const dc = from === 0;
  const wrong = dc ? to !== 0 : from > to || to > 63 || parts.length !== 1;
  if (wrong || (before && shift !== before - 1) || shift > 13) throw damaged("Invalid progressive parameters");
  for (const { component } of parts) {
    if (!dc && component.precision[0]! < 0) throw damaged("Inconsistent progression sequence");
    for (let k = from; k <= to; k++) {
      if (before !== Math.max(component.precision[k]!, 0)) throw damaged("Inconsistent progression sequence");
      component.precision[k] = shift;
    }
  }
}

function blocksOf(scan: Scan): ScanComponent[] {
  if (scan.parts.length === 1) return scan.parts;
  return scan.parts.flatMap((part) => Array<ScanComponent>(part.component.across * part.component.down).fill(part));
}

function dcFirst(bits: Bits, scan: Scan, tables: Tables): Decoder {
  const known = new Map(scan.parts.map((part) => [part, lookupOf(tables.dc[part.dc], true)]));
  const lookups = blocksOf(scan).map((part) => known.get(part)!);
  const run = (from: number, until: number) => {
    for (let mcu = from; mcu < until; mcu++) {
      for (const lookup of lookups) {
        const size = bits.symbol(lookup);
        if (size) bits.several(size);
      }
      bits.checkEnd(tables.restart > 0);
    }
  };
  return { restart: () => undefined, run };
}

function dcRefinement(bits: Bits, scan: Scan, tables: Tables): Decoder {
  const blocks = blocksOf(scan).length;
  const run = (from: number, until: number) => {
    for (let mcu = from; mcu < until; mcu++) {
      bits.skip(blocks);
      bits.checkEnd(tables.restart > 0);
    }
  };
  return { restart: () => undefined, run };
}

/** A band of coefficients of one component, first or refined. */
class AcScan implements Decoder {
  private endOfBand = 0;

  constructor(
    private readonly bits: Bits,
    private readonly scan: Scan,
    private readonly component: Component,
    private readonly lookup: Lookup,
    private readonly restarts: boolean,
  ) {}

  restart(): void {
    this.endOfBand = 0;
  }

  run(from: number, until: number): void {
    for (let block = from; block < until; block++) {
      if (this.scan.before) this.refine(block);
      else if (this.endOfBand > 0) this.endOfBand--;
      else this.first(block);
      this.bits.checkEnd(this.restarts);
    }
  }

  private first(block: number): void {
    const { bits, lookup, scan } = this;
    for (let k = scan.from; k <= scan.to; k++) {
      const symbol = bits.symbol(lookup);
      const [run, size] = [symbol >> 4, symbol & 15];
      if (size) {
        k += run;
        bits.several(size);
        this.mark(block, k);
      } else if (run === 15) k += 15;
      else {
        this.endOfBand = this.bandsOf(run) - 1;
        return;
      }
    }
  }

  private refine(block: number): void {
    const { bits, lookup, scan } = this;
    let k = scan.from;
    if (!this.endOfBand) {
      for (; k <= scan.to; k++) {
        const symbol = bits.symbol(lookup);
        const size = symbol & 15;
        let run = symbol >> 4;
        if (size) {
          if (size !== 1) throw damaged("Corrupt JPEG data: bad Huffman code");
          bits.one();
        } else if (run !== 15) {
          this.endOfBand = this.bandsOf(run);
          break;
        }
        do {
          if (this.isMarked(block, k)) bits.one();
          else if (--run < 0) break;
          k++;
        } while (k <= scan.to);
        if (size) this.mark(block, k);
      }
    }
    if (this.endOfBand > 0) {
      for (; k <= scan.to; k++) if (this.isMarked(block, k)) bits.one();
      this.endOfBand--;
    }
  }

  private bandsOf(run: number): number {
    return (1 << run) + (run ? this.bits.several(run) : 0);
  }

  private mark(block: number, place: number): void {
    const { low, high } = this.component;
    const k = Math.min(place, 63);
    if (k < 32) low[block] = low[block]! | (1 << k);
    else high[block] = high[block]! | (1 << (k - 32));
  }

  private isMarked(block: number, k: number): boolean {
    const { low, high } = this.component;
    return k < 32 ? (low[block]! & (1 << k)) !== 0 : (high[block]! & (1 << (k - 32))) !== 0;
  }
}
