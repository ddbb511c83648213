// SHA-256 (FIPS 180-4): the browser's own, and ours where a page without a secure context has none.

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const subtle = (globalThis.crypto as Crypto | undefined)?.subtle as SubtleCrypto | undefined;
  return hex(subtle ? new Uint8Array(await subtle.digest("SHA-256", bytes)) : sha256Here(bytes));
}

/** The same without the browser's help; 100 megabytes take a second or so. */
export function sha256Here(bytes: Uint8Array): Uint8Array {
  const state = fractions(8, 2);
  const whole = bytes.length & ~63;
  const rest = new Uint8Array(bytes.length - whole < 56 ? 64 : 128);
  rest.set(bytes.subarray(whole));
  rest[bytes.length - whole] = 0x80;
  const view = new DataView(rest.buffer);
  view.setUint32(rest.length - 8, Math.floor(bytes.length / 0x20000000));
  view.setUint32(rest.length - 4, bytes.length << 3);
  mix(state, bytes, whole);
  mix(state, rest, rest.length);
  const digest = new Uint8Array(32);
  const out = new DataView(digest.buffer);
  state.forEach((word, at) => out.setUint32(4 * at, word));
  return digest;
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The first 32 bits of the fractional parts of the roots of the first primes: square (2) or cube (3). */
function fractions(count: number, root: 2 | 3): Uint32Array {
  const words = new Uint32Array(count);
  for (let at = 0, number = 2; at < count; number++) {
    let prime = true;
    for (let by = 2; by * by <= number; by++) if (number % by === 0) prime = false;
    // In integers, as a double holds too few bits: the root of number · 2^(32·root).
    if (prime) words[at++] = Number(rootOf(BigInt(number) << BigInt(32 * root), root) & 0xffffffffn);
  }
  return words;
}

function rootOf(value: bigint, root: 2 | 3): bigint {
  let low = 0n;
  for (let bit = 1n << 40n; bit > 0n; bit >>= 1n) {
    const tried = low | bit;
    if (tried ** BigInt(root) <= value) low = tried;
  }
  return low;
}

let constants: Uint32Array | null = null;

function mix(state: Uint32Array, bytes: Uint8Array, end: number): void {
  const k = (constants ??= fractions(64, 3));
  const w = new Int32Array(64);
  let [h0, h1, h2, h3, h4, h5, h6, h7] = Array.from(state, (word) => word | 0) as Eight;
  for (let from = 0; from < end; from += 64) {
    for (let t = 0, at = from; t < 16; t++, at += 4) {
      w[t] = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    }
    for (let t = 16; t < 64; t++) {
      const x = w[t - 15]!;
      const y = w[t - 2]!;
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[t] = (w[t - 16]! + s0 + w[t - 7]! + s1) | 0;
    }
    let [a, b, c, d, e, f, g, h] = [h0, h1, h2, h3, h4, h5, h6, h7];
    for (let t = 0; t < 64; t++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + k[t]! + w[t]!) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    h0 = (h0 + a) | 0;
    h1 = (h1 + b) | 0;
    h2 = (h2 + c) | 0;
    h3 = (h3 + d) | 0;
    h4 = (h4 + e) | 0;
    h5 = (h5 + f) | 0;
    h6 = (h6 + g) | 0;
    h7 = (h7 + h) | 0;
  }
  state.set([h0, h1, h2, h3, h4, h5, h6, h7]);
}

type Eight = [number, number, number, number, number, number, number, number];
