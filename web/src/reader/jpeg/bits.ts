// The bits of a scan between two markers, with the stuffed zeros taken out (ITU-T T.81, B.1.1.5).

import { Damage, damaged } from "./damage";
import type { Lookup } from "./huffman";

/** Zeros behind the data, so that a block may be decoded past the end before that is noticed. */
const BEYOND = 4096;
/** libjpeg reads ahead until it holds so many bits. */
const AHEAD = 57;

export class Bits {
  data = new Uint8Array(0);
  /** Next bit. */
  at = 0;
  /** One past the last bit. */
  end = 0;
  /** How far libjpeg-turbo would have read ahead; beyond the end where it met the marker. */
  ahead = 0;
  /** How far ahead libjpeg-turbo may be to take its fast loop, which overlooks codes that are none; -1: never. */
  fastUntil = -1;
  /** The marker's place in the file, and what it is. */
  markerAt = 0;
  marker = 0;

  constructor(private readonly file: Uint8Array) {}

  /** Take the data from `start` to the next marker; `careful`: where the fast loop ends in the file. Throws Damage where the file ends first. */
  take(start: number, careful: number): void {
    const { file } = this;
    const most = this.markerAfter(start) - start;
    if (this.data.length < most + BEYOND) this.data = new Uint8Array(most + BEYOND);
    const { data } = this;
    let [from, to] = [start, 0];
    this.fastUntil = -1;
    for (;;) {
      const found = file.indexOf(0xff, from);
      const stop = found < 0 ? file.length : found;
      if (from <= careful) this.fastUntil = 8 * (to + Math.min(careful, stop) - from);
      to = copy(file, from, stop, data, to);
      let next = stop;
      while (file[next] === 0xff) next++;
      if (next >= file.length) throw new Damage("early", "Premature end of JPEG file");
      if (file[next] !== 0) {
        this.markerAt = next - 1;
        this.marker = file[next] ?? 0;
        break;
      }
      data[to++] = 0xff;
      from = next + 1;
    }
    data.fill(0, to, to + BEYOND);
    [this.at, this.ahead, this.end] = [0, 0, 8 * to];
  }

  /** Read ahead as libjpeg does where it needs more than it holds. */
  fill(): void {
    this.ahead += (AHEAD + 7 - this.ahead + this.at) & ~7;
  }

  one(): number {
    if (this.ahead - this.at < 1) this.fill();
    const bit = (this.data[this.at >> 3]! >> (7 - (this.at & 7))) & 1;
    this.at++;
    return bit;
  }

  /** Up to 15 bits. */
  several(count: number): number {
    if (this.ahead - this.at < count) this.fill();
    const window = this.window();
    this.at += count;
    return window >> (16 - count);
  }

  /** Pass over any number of bits, one after the other. */
  skip(count: number): void {
    for (let left = count; left > 0; ) {
      if (this.ahead - this.at < 1) this.fill();
      const step = Math.min(left, this.ahead - this.at);
      this.at += step;
      left -= step;
    }
  }

  /** A symbol; codes that are none are damage. */
  symbol({ short, long, from }: Lookup): number {
    if (this.ahead - this.at < 8) this.fill();
    const window = this.window();
    const found = window < from ? short[window >> 6]! : long[window - from]!;
    if (found >> 8 > 8) this.ahead = aheadOfLongCode(this.ahead, this.at, found >> 8);
    this.at += found >> 8;
    if (found >> 8 > 16) throw damaged("Corrupt JPEG data: bad Huffman code");
    return found & 255;
  }

  /** Throws Damage where more was read than there is. */
  checkEnd(restarts: boolean): void {
    if (this.at > this.end) throw endedEarly(this.marker, restarts);
  }

  private window(): number {
    const { data, at } = this;
    const byte = at >> 3;
    return (((data[byte]! << 16) | (data[byte + 1]! << 8) | data[byte + 2]!) >> (8 - (at & 7))) & 0xffff;
  }

  private markerAfter(start: number): number {
    const { file } = this;
    for (let at = file.indexOf(0xff, start); at >= 0; at = file.indexOf(0xff, at + 2)) {
      while (file[at + 1] === 0xff) at++;
      if (file[at + 1] !== 0) return at;
    }
    return file.length;
  }
}

/** How far libjpeg has read after a code of more than 8 bits, whose last it takes one by one. */
export function aheadOfLongCode(ahead: number, at: number, length: number): number {
  if (ahead - at < 9) return ahead + ((64 - ahead + at) & ~7);
  return ahead - at < length ? ahead + 64 : ahead;
}

/** What libjpeg says last of data that end before the scan does: it goes on to the marker that stands there. */
function endedEarly(marker: number, restarts: boolean): Damage {
  const searchedOn = restarts && marker < 0xc0;
  const frame = marker >= 0xc3 && marker <= 0xcf && ![0xc4, 0xc9, 0xca, 0xcc].includes(marker);
  const none = marker !== 0x01 && (marker < 0xc0 || marker === 0xde || marker === 0xdf || (marker > 0xef && marker !== 0xfe));
  return (frame || none) && !searchedOn
    ? new Damage("other", `Unsupported marker type 0x${marker.toString(16)}`)
    : damaged("Corrupt JPEG data: premature end of data segment");
}

function copy(from: Uint8Array, start: number, stop: number, to: Uint8Array, at: number): number {
  if (stop - start > 64) {
    to.set(from.subarray(start, stop), at);
    return at + stop - start;
  }
  for (let index = start; index < stop; index++) to[at++] = from[index]!;
  return at;
}
