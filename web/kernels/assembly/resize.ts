// Pillow's antialiased resize in whole numbers, as preprocess.onnx does it in onnxruntime, bit for bit:
// weights are multiples of 2^-22, and each pass ends in whole levels.

const HALF: i32 = 1 << 21;

// @ts-ignore: a decorator of AssemblyScript
@inline
function spread(from: usize): v128 {
  return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(from)));
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function levels(sum: v128): v128 {
  // Both narrowings clamp: at first to 16 bits with sign, then to 0..255.
  const words = i16x8.narrow_i32x4_s(i32x4.shr_s(sum, 22), i32x4.splat(0));
  return i8x16.narrow_i16x8_u(words, words);
}

/**
 * Resize rows: uint8 [rows, width, 3] → [rows, outWidth, 3].
 *
 * @param taps for each output: its first pixel, how many, and `window` weights; int32
 * Reads and writes up to 1 byte beyond the end.
 */
export function across(
  x: usize, y: usize, taps: usize, rows: i32, width: i32, outWidth: i32, window: i32,
): void {
  const next = <usize>(window + 2) << 2;
  for (let row = 0; row < rows; row++) {
    let tap = taps;
    for (let j = 0; j < outWidth; j++) {
      let from = x + <usize>load<i32>(tap) * 3;
      let w = tap + 8;
      const end = w + (<usize>load<i32>(tap, 4) << 2);
      let sum = i32x4.splat(HALF);
      while (w < end) {
        sum = i32x4.add(sum, i32x4.mul(spread(from), v128.load32_splat(w)));
        from += 3;
        w += 4;
      }
      v128.store32_lane(y, levels(sum), 0);
      y += 3;
      tap += next;
    }
    x += <usize>width * 3;
  }
}

/**
 * Resize columns: uint8 [height, row] → [outHeight, row].
 *
 * @param row bytes of a row
 * Reads and writes up to 3 bytes beyond the end.
 */
export function down(x: usize, y: usize, taps: usize, row: i32, outHeight: i32, window: i32): void {
  const next = <usize>(window + 2) << 2, stride = <usize>row;
  for (let i = 0; i < outHeight; i++) {
    const first = x + <usize>load<i32>(taps) * stride;
    const end = taps + 8 + (<usize>load<i32>(taps, 4) << 2);
    for (let at: usize = 0; at < stride; at += 4) {
      let from = first + at;
      let sum = i32x4.splat(HALF);
      for (let w = taps + 8; w < end; w += 4) {
        sum = i32x4.add(sum, i32x4.mul(spread(from), v128.load32_splat(w)));
        from += stride;
      }
      v128.store32_lane(y + at, levels(sum), 0);
    }
    y += stride;
    taps += next;
  }
}
