// A JPEG's planes to RGB as libjpeg-turbo does it, bit for bit: its triangle filter for chroma (jdsample.c,
// "fancy upsampling") and its colours in fixed point (jdcolor.c).

/**
 * Rows `from` to `to` of planes, which lie in rows without gaps → uint8 [rows, width, 3].
 *
 * @param scratch 3 · width + 256 bytes
 * @param across,down 1 or 2: pixels that share a sample of chroma
 * Reads up to 16 bytes beyond each plane, and writes up to 48 beyond the end.
 */
export function colours(
  luma: usize, blue: usize, red: usize, rgb: usize, scratch: usize,
  width: i32, from: i32, to: i32, height: i32, across: i32, down: i32,
): void {
  const samples = across == 2 ? (width + 1) >> 1 : width;
  const last = (down == 2 ? (height + 1) >> 1 : height) - 1;
  const room = <usize>width + 64;
  const wideBlue = scratch, wideRed = scratch + room, sums = scratch + 2 * room;
  for (let row = from; row < to; row++) {
    let near = row, far = row;
    if (down == 2) {
      near = row >> 1;
      far = min(max(near + ((row & 1) << 1) - 1, 0), last);
    }
    let cb = blue + <usize>(near * samples), cr = red + <usize>(near * samples);
    if (across == 2) {
      const farBlue = blue + <usize>(far * samples), farRed = red + <usize>(far * samples);
      widen(cb, farBlue, wideBlue, sums, samples, down == 2);
      widen(cr, farRed, wideRed, sums, samples, down == 2);
      cb = wideBlue;
      cr = wideRed;
    }
    const y = luma + <usize>(row * width);
    for (let at: usize = 0; at < <usize>width; at += 16) {
      paint(v128.load(y + at), v128.load(cb + at), v128.load(cr + at), rgb + at * 3);
    }
    rgb += <usize>width * 3;
  }
}

/** A row of chroma to twice its width; of two rows the near one counts three times. */
function widen(near: usize, far: usize, to: usize, sums: usize, samples: i32, ofTwoRows: bool): void {
  if (samples <= 2) {
    for (let at = 0; at < samples; at++) store<u16>(to + (at << 1), <u16>load<u8>(near + at) * 0x101);
    return;
  }
  const count = <usize>samples;
  for (let at: usize = 0; at < count; at += 8) {
    const three = i16x8.mul(v128.load_ext<u8>(near + at), i16x8.splat(3));
    v128.store(sums + 2 + (at << 1), i16x8.add(three, v128.load_ext<u8>(far + at)));
  }
  // Beyond both ends the picture goes on as it ends.
  store<u16>(sums, load<u16>(sums, 2));
  store<u16>(sums + 2 + (count << 1), load<u16>(sums + (count << 1)));
  const even = i16x8.splat(ofTwoRows ? 8 : 4), odd = i16x8.splat(ofTwoRows ? 7 : 8);
  for (let at: usize = 0; at < count; at += 8) {
    const from = sums + (at << 1);
    const three = i16x8.mul(v128.load(from, 2), i16x8.splat(3));
    const left = i16x8.shr_u(i16x8.add(i16x8.add(three, v128.load(from)), even), 4);
    const right = i16x8.shr_u(i16x8.add(i16x8.add(three, v128.load(from, 4)), odd), 4);
    v128.store(to + (at << 1), v128.or(left, i16x8.shl(right, 8)));
  }
}

/** 16 pixels: 1.402, 0.344, 0.714 and 1.772 in multiples of 2^-16. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function paint(y: v128, cb: v128, cr: v128, to: usize): void {
  const middle = i16x8.splat(128);
  const y0 = i16x8.extend_low_i8x16_u(y), y1 = i16x8.extend_high_i8x16_u(y);
  const b0 = i16x8.sub(i16x8.extend_low_i8x16_u(cb), middle);
  const b1 = i16x8.sub(i16x8.extend_high_i8x16_u(cb), middle);
  const r0 = i16x8.sub(i16x8.extend_low_i8x16_u(cr), middle);
  const r1 = i16x8.sub(i16x8.extend_high_i8x16_u(cr), middle);
  const red = i8x16.narrow_i16x8_u(i16x8.add(y0, redness(r0)), i16x8.add(y1, redness(r1)));
  const green = i8x16.narrow_i16x8_u(i16x8.sub(y0, dullness(b0, r0)), i16x8.sub(y1, dullness(b1, r1)));
  const blue = i8x16.narrow_i16x8_u(i16x8.add(y0, blueness(b0)), i16x8.add(y1, blueness(b1)));
  const low = i8x16.shuffle(red, green, 0, 16, 0, 1, 17, 0, 2, 18, 0, 3, 19, 0, 4, 20, 0, 5);
  const mid = i8x16.shuffle(red, green, 21, 0, 6, 22, 0, 7, 23, 0, 8, 24, 0, 9, 25, 0, 10, 26);
  const high = i8x16.shuffle(red, green, 0, 11, 27, 0, 12, 28, 0, 13, 29, 0, 14, 30, 0, 15, 31, 0);
  v128.store(to, i8x16.shuffle(low, blue, 0, 1, 16, 3, 4, 17, 6, 7, 18, 9, 10, 19, 12, 13, 20, 15));
  v128.store(to + 16, i8x16.shuffle(mid, blue, 0, 21, 2, 3, 22, 5, 6, 23, 8, 9, 24, 11, 12, 25, 14, 15));
  v128.store(to + 32, i8x16.shuffle(high, blue, 26, 1, 2, 27, 4, 5, 28, 7, 8, 29, 10, 11, 30, 13, 14, 31));
}

/** (91881 · cr + 2^15) >> 16; 13173 / 2^15 rounds to the same for every cr there is. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function redness(cr: v128): v128 {
  return i16x8.add(cr, i16x8.q15mulr_sat_s(cr, i16x8.splat(13173)));
}

/** (116130 · cb + 2^15) >> 16, likewise. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function blueness(cb: v128): v128 {
  return i16x8.add(i16x8.shl(cb, 1), i16x8.q15mulr_sat_s(cb, i16x8.splat(-7471)));
}

/** -((-22554 · cb - 46802 · cr + 2^15) >> 16); the sum is rounded as one. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function dullness(cb: v128, cr: v128): v128 {
  const factors = i16x8(-22554, 18734, -22554, 18734, -22554, 18734, -22554, 18734); // 46802 = 2^16 - 18734
  const half = i32x4.splat(1 << 15);
  const low = i32x4.dot_i16x8_s(v128.shuffle<i16>(cb, cr, 0, 8, 1, 9, 2, 10, 3, 11), factors);
  const high = i32x4.dot_i16x8_s(v128.shuffle<i16>(cb, cr, 4, 12, 5, 13, 6, 14, 7, 15), factors);
  const first = i32x4.shr_s(i32x4.add(low, half), 16), others = i32x4.shr_s(i32x4.add(high, half), 16);
  return i16x8.sub(cr, i16x8.narrow_i32x4_s(first, others));
}

/**
 * Pixels of four bytes → uint8 [pixels, 3].
 *
 * @param swapped whether blue comes first
 * Reads up to 15 bytes beyond the pixels, and writes up to 4 beyond the end.
 */
export function opaque(x: usize, rgb: usize, pixels: i32, swapped: bool): void {
  const end = x + (<usize>pixels << 2);
  for (; x < end; x += 16, rgb += 12) {
    const four = v128.load(x);
    const three = swapped
      ? i8x16.shuffle(four, four, 2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, 0, 0, 0, 0)
      : i8x16.shuffle(four, four, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 0, 0, 0, 0);
    v128.store(rgb, three);
  }
}
