// Pixels upright, and how those of a decoder, RGBA in rows, become them.

export interface Pixels {
  /** uint8 [height, width, 3]. */
  data: Uint8Array<ArrayBuffer>;
  width: number;
  height: number;
}

const LITTLE = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** Where rows of RGBA go, turned as an EXIF orientation 1..8 asks (Exif 2.32, table 6). */
export class Upright {
  readonly pixels: Pixels;
  private readonly origin: number;
  private readonly right: number;
  private readonly down: number;

  /** Width and height as stored, before turning. */
  constructor(
    private readonly width: number,
    height: number,
    orientation: number,
  ) {
    const turned = orientation >= 5;
    const [w, h] = turned ? [height, width] : [width, height];
    this.pixels = { data: new Uint8Array(w * h * 3), width: w, height: h };
    const flipDown = [3, 4, 7, 8].includes(orientation);
    const flipRight = [2, 3, 6, 7].includes(orientation);
    const stepX = flipRight ? -3 : 3;
    const stepY = flipDown ? -3 * w : 3 * w;
    this.origin = (flipRight ? 3 * (w - 1) : 0) + (flipDown ? 3 * w * (h - 1) : 0);
    [this.right, this.down] = turned ? [stepY, stepX] : [stepX, stepY];
  }

  /** Rows from `top` on, RGB. */
  putOpaque(rgb: Uint8Array, top: number): void {
    const { right, down, width } = this;
    if (right === 3 && down === 3 * width) this.pixels.data.set(rgb, top * down);
    else this.turn(rgb, 3, top);
  }

  /** Rows from `top` on, RGBA; alpha is dropped. */
  put(rgba: Uint8Array | Uint8ClampedArray, top: number): void {
    const { data } = this.pixels;
    const { right, down, width } = this;
    const start = this.origin + top * down;
    if (right === 3 && down === 3 * width && start % 4 === 0 && rgba.byteOffset % 4 === 0 && LITTLE) {
      withoutAlpha(rgba, data, start);
    } else this.turn(rgba, 4, top);
  }

  private turn(stored: Uint8Array | Uint8ClampedArray, step: number, top: number): void {
    const { data } = this.pixels;
    const { right, down, width } = this;
    const rows = stored.length / step / width;
    for (let row = 0, from = 0; row < rows; row++) {
      let to = this.origin + (top + row) * down;
      for (let x = 0; x < width; x++, from += step, to += right) {
        data[to] = stored[from]!;
        data[to + 1] = stored[from + 1]!;
        data[to + 2] = stored[from + 2]!;
      }
    }
  }
}

/** Four pixels at a time as three words: most photographs lie upright, and a byte at a time takes twice as long. */
function withoutAlpha(rgba: Uint8Array | Uint8ClampedArray, data: Uint8Array<ArrayBuffer>, start: number): void {
  const fours = rgba.length >> 4;
  const from = new Uint32Array(rgba.buffer, rgba.byteOffset, fours * 4);
  const to = new Uint32Array(data.buffer, data.byteOffset + start, fours * 3);
  for (let at = 0, word = 0; at < from.length; at += 4, word += 3) {
    const a = from[at]!;
    const b = from[at + 1]!;
    const c = from[at + 2]!;
    const d = from[at + 3]!;
    to[word] = (a & 0xffffff) | (b << 24);
    to[word + 1] = ((b >>> 8) & 0xffff) | (c << 16);
    to[word + 2] = ((c >>> 16) & 0xff) | (d << 8);
  }
  for (let at = fours * 16, byte = start + fours * 12; at < rgba.length; at += 4, byte += 3) {
    data.set(rgba.subarray(at, at + 3), byte);
  }
}
