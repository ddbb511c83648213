// Is a JPEG whole? Walks it as libjpeg-turbo does and refuses whatever that would only warn of, so that a
// browser, which shows the rest of a damaged photograph in grey, refuses the files that Python refuses.

import { Damage, damaged, warned } from "./damage";
import { usualTables, type HuffmanTable } from "./huffman";
import { checkProfile, isProfile } from "./profile";
import { colourOf, isKnownSampling } from "./sampling";
import { readScan, type Component, type Frame, type Rest, type Scan, type Tables } from "./scan";

const [SOI, EOI, SOS, DQT, DRI, DHT, DAC] = [0xd8, 0xd9, 0xda, 0xdb, 0xdd, 0xc4, 0xcc];
const [APP0, APP14, APP15, COM, DNL, TEM, RST0, RST7] = [0xe0, 0xee, 0xef, 0xfe, 0xdc, 0x01, 0xd0, 0xd7];
const MOST_SIDE = 65500;
const MOST_COMPONENTS = 10;

export interface Verified {
  /** A progressive file without its last scans: libjpeg guesses the missing detail, each version otherwise. */
  lacksScans: boolean;
}

/** Throws Damage. Expects a start-of-image marker and frames that are read at all (header.ts). */
export function verifyJpeg(file: Uint8Array): Verified {
  const walk = new Walk(file);
  try {
    return walk.run();
  } catch (thrown) {
    // TurboJPEG cannot tell the sampling of a file whose header contradicts itself, and Python says so.
    const told = thrown instanceof Damage && thrown.harm === "damaged" && !thrown.warned && walk.inHeader;
    throw told ? new Damage("other", thrown.message) : thrown;
  }
}

class Walk {
  private readonly tables: Tables = { dc: [], ac: [], restart: 0 };
  private readonly quantisation: boolean[] = [];
  private components: Component[] = [];
  private frame: Frame | null = null;
  private jfif = false;
  private adobe: number | null = null;
  private readonly profile: Uint8Array[] = [];
  private scans = 0;
  inHeader = true;
  private severalScans = false;

  constructor(private readonly file: Uint8Array) {}

  run(): Verified {
    const rest: Rest = { at: 2, met: false, discarded: 0 };
    for (;;) {
      const place = this.nextMarker(rest);
      const marker = this.byte(place + 1);
      if (marker === EOI) break;
      if (marker === SOI) throw damaged("Invalid JPEG file structure: two SOI markers");
      rest.at = place + 2;
      if (marker === TEM || (marker >= RST0 && marker <= RST7)) continue;
      const segment = this.segment(place + 2, marker);
      rest.at = segment.next;
      if (marker === SOS) this.scan(segment.body, rest);
      else this.take(marker, segment.body);
    }
    if (!this.frame) throw damaged("Invalid JPEG file structure: missing SOS marker");
    return { lacksScans: !!this.frame.progressive && this.components.some(isSmoothed) };
  }

  /** The place of the next marker; bytes before it that are none of the picture are damage. */
  private nextMarker(rest: Rest): number {
    const { file } = this;
    let at = rest.at;
    if (rest.met) rest.met = false;
    else {
      if (file[at] !== 0xff || rest.discarded) {
        if (file.indexOf(0xff, at) < 0) throw new Damage("early", "Premature end of JPEG file");
        throw warned("Corrupt JPEG data: extraneous bytes before marker");
      }
      while (file[at + 1] === 0xff) at++;
      if (file[at + 1] === 0) throw warned("Corrupt JPEG data: extraneous bytes before marker");
    }
    if (at + 1 >= file.length) throw new Damage("early", "Premature end of JPEG file");
    return at;
  }

  private segment(at: number, marker: number): { body: Uint8Array; next: number } {
    const length = (this.byte(at) << 8) | this.byte(at + 1);
    const skipped = (marker >= APP0 && marker <= APP15) || marker === COM || marker === DNL;
    if (length < 2 && !skipped) throw damaged("Bogus marker length");
    const next = at + Math.max(length, 2);
    if (next > this.file.length) throw new Damage("early", "Premature end of JPEG file");
    return { body: this.file.subarray(at + 2, next), next };
  }

  private take(marker: number, body: Uint8Array): void {
    if (marker === DHT) this.huffman(body);
    else if (marker === DQT) this.quantise(body);
    else if (marker === DRI) {
      if (body.length !== 2) throw damaged("Bogus marker length");
      this.tables.restart = (body[0]! << 8) | body[1]!;
    } else if (marker === 0xc0 || marker === 0xc1 || marker === 0xc2) this.startFrame(marker, body);
    else if (marker === APP0) this.app0(body);
    else if (marker === APP14) {
      if (body.length >= 12 && startsWith(body, "Adobe")) this.adobe = body[11]!;
    } else if (marker === APP0 + 2) {
      if (this.inHeader && isProfile(body)) this.profile.push(body);
    } else if (marker === DAC) throw damaged("Bogus DAC");
    else if (!((marker > APP0 && marker <= APP15) || marker === COM || marker === DNL)) {
      throw new Damage("other", `Unsupported marker type 0x${marker.toString(16).padStart(2, "0")}`);
    }
  }

  private app0(body: Uint8Array): void {
    if (body.length < 14 || !startsWith(body, "JFIF\0")) return;
    this.jfif = true;
    if (body[5] !== 1) throw warned(`Warning: unknown JFIF revision number ${body[5]}`);
  }

  private huffman(body: Uint8Array): void {
    let at = 0;
    while (body.length - at > 16) {
      const index = body[at]!;
      const counts = body.slice(at + 1, at + 17);
      const count = counts.reduce((sum, one) => sum + one, 0);
      at += 17;
      if (count > 256 || count > body.length - at) throw damaged("Bogus Huffman table definition");
      const table: HuffmanTable = { counts, symbols: body.slice(at, at + count) };
      at += count;
      const place = index & 0x10 ? index - 0x10 : index;
      if (place > 3) throw damaged(`Bogus DHT index ${place}`);
      (index & 0x10 ? this.tables.ac : this.tables.dc)[place] = table;
    }
    if (at !== body.length) throw damaged("Bogus marker length");
  }

  private quantise(body: Uint8Array): void {
    let at = 0;
    while (at < body.length) {
      const [wide, index] = [body[at]! >> 4, body[at]! & 15];
      if (index > 3) throw damaged(`Bogus DQT index ${index}`);
      at += 1 + (wide ? 128 : 64);
      this.quantisation[index] = true;
    }
    if (at !== body.length) throw damaged("Bogus marker length");
  }

  private startFrame(marker: number, body: Uint8Array): void {
    if (this.frame) throw damaged("Invalid JPEG file structure: two SOF markers");
    const [high, low, wide, narrow, count] = [body[1] ?? 0, body[2] ?? 0, body[3] ?? 0, body[4] ?? 0, body[5] ?? 0];
    const [height, width] = [(high << 8) | low, (wide << 8) | narrow];
    if (!height || !width || !count) throw damaged("Empty JPEG image (DNL not supported)");
    if (body.length !== 6 + 3 * count) throw damaged("Bogus marker length");
    if (height > MOST_SIDE || width > MOST_SIDE || count > MOST_COMPONENTS) throw damaged("Maximum size exceeded");
    const parts = Array.from({ length: count }, (_, index) => body.subarray(6 + 3 * index, 9 + 3 * index));
    const across = parts.map((part) => part[1]! >> 4);
    const down = parts.map((part) => part[1]! & 15);
    if ([...across, ...down].some((one) => one < 1 || one > 4)) throw damaged("Bogus sampling factors");
    const [mostAcross, mostDown] = [Math.max(...across), Math.max(...down)];
    const progressive = marker === 0xc2;
    this.components = parts.map((part, index) => {
      const blocksAcross = Math.ceil((width * across[index]!) / (mostAcross * 8));
      const blocksDown = Math.ceil((height * down[index]!) / (mostDown * 8));
      const blocks = progressive ? blocksAcross * blocksDown : 0;
      return {
        id: part[0]!,
        across: across[index]!,
        down: down[index]!,
        quantisation: part[2]!,
        blocksAcross,
        blocksDown,
        precision: new Int8Array(64).fill(-1),
        low: new Uint32Array(blocks),
        high: new Uint32Array(blocks),
      };
    });
    this.frame = {
      progressive,
      mcusAcross: Math.ceil(width / (8 * mostAcross)),
      mcusDown: Math.ceil(height / (8 * mostDown)),
    };
  }

  private scan(body: Uint8Array, rest: Rest): void {
    if (!this.frame) throw damaged("Invalid JPEG file structure: SOS before SOF");
    const scan = this.scanOf(body);
    if (this.scans === 0) this.firstScan(scan);
    else if (!this.severalScans) throw damaged("Didn't expect more than one scan");
    this.scans += 1;
    this.inHeader = false;
    for (const { component } of scan.parts) {
      if (!this.quantisation[component.quantisation]) throw damaged("Quantization table was not defined");
    }
    readScan(this.file, rest.at, this.frame, scan, this.tables, rest);
  }

  private firstScan(scan: Scan): void {
    checkProfile(this.profile);
    const colour = colourOf(this.components, this.jfif, this.adobe);
    if (!isKnownSampling(this.components, colour)) {
      throw new Damage("other", "Could not determine subsampling type for JPEG image");
    }
    this.severalScans = scan.parts.length < this.components.length || !!this.frame?.progressive;
    const usual = usualTables();
    for (const kind of ["dc", "ac"] as const) {
      usual[kind].forEach((table, index) => (this.tables[kind][index] ??= table));
    }
  }

  private scanOf(body: Uint8Array): Scan {
    const count = body[0] ?? 0;
    if (body.length !== 2 * count + 4 || count < 1 || count > 4) throw damaged("Bogus marker length");
    const chosen: (Component | null)[] = [null, null, null, null];
    const parts = Array.from({ length: count }, (_, index) => {
      const id = body[1 + 2 * index]!;
      // As libjpeg-turbo looks: a component whose own place in the scan is taken is passed over.
      const component = this.components.slice(0, 4).find((one, at) => one.id === id && !chosen[at]);
      if (!component || chosen.includes(component)) throw damaged(`Invalid component ID ${id} in SOS`);
      chosen[index] = component;
      const tables = body[2 + 2 * index]!;
      return { component, dc: tables >> 4, ac: tables & 15 };
    });
    const [from, to, both] = [body[2 * count + 1]!, body[2 * count + 2]!, body[2 * count + 3]!];
    return { parts, from, to, before: both >> 4, shift: both & 15 };
  }

  private byte(at: number): number {
    const value = this.file[at];
    if (value === undefined) throw new Damage("early", "Premature end of JPEG file");
    return value;
  }
}

/** As jdcoefct.c decides it: are the coefficients of lowest frequency (but DC) not known to the last bit? */
function isSmoothed({ precision }: Component): boolean {
  return precision.subarray(1, 10).some((bits) => bits !== 0);
}

function startsWith(body: Uint8Array, text: string): boolean {
  return Array.from(text).every((letter, at) => body[at] === letter.charCodeAt(0));
}
