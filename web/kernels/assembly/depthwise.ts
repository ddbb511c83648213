// A 3×3 convolution of each channel by itself, channels last.
// Weights in groups of 4 channels: 4 biases, then 4 weights for each of the 9 places.

/**
 * @param x float32 [height, width, channels]; `channels` is a multiple of 4
 * @param y float32 [outHeight, outWidth, channels]
 * @param zeros float32 [channels], what lies beyond the border
 */
export function depthwise(
  x: usize, w: usize, y: usize, zeros: usize,
  height: i32, width: i32, channels: i32, stride: i32, top: i32, left: i32,
  outHeight: i32, outWidth: i32, low: f32, high: f32,
): void {
  const lows = f32x4.splat(low), highs = f32x4.splat(high);
  const cs = <usize>channels << 2, rs = <usize>width * cs;
  for (let i = 0; i < outHeight; i++) {
    const row = i * stride - top;
    const up = row >= 0 && row < height, middle = row + 1 >= 0 && row + 1 < height;
    const down = row + 2 >= 0 && row + 2 < height;
    for (let j = 0; j < outWidth; j++) {
      const column = j * stride - left;
      const l = column >= 0 && column < width, m = column + 1 >= 0 && column + 1 < width;
      const r = column + 2 >= 0 && column + 2 < width;
      const first = x + <usize>(row * width + column) * cs;
      const p0 = up && l ? first : zeros, p1 = up && m ? first + cs : zeros;
      const p2 = up && r ? first + cs * 2 : zeros;
      const p3 = middle && l ? first + rs : zeros, p4 = middle && m ? first + rs + cs : zeros;
      const p5 = middle && r ? first + rs + cs * 2 : zeros;
      const p6 = down && l ? first + rs * 2 : zeros, p7 = down && m ? first + rs * 2 + cs : zeros;
      const p8 = down && r ? first + rs * 2 + cs * 2 : zeros;
      let q = w;
      for (let c: usize = 0; c < cs; c += 16) {
        // Two sums, so that an addition need not wait for the one before.
        let a = f32x4.add(v128.load(q), f32x4.mul(v128.load(p0 + c), v128.load(q, 16)));
        let b = f32x4.mul(v128.load(p3 + c), v128.load(q, 64));
        a = f32x4.add(a, f32x4.mul(v128.load(p1 + c), v128.load(q, 32)));
        b = f32x4.add(b, f32x4.mul(v128.load(p4 + c), v128.load(q, 80)));
        a = f32x4.add(a, f32x4.mul(v128.load(p2 + c), v128.load(q, 48)));
        b = f32x4.add(b, f32x4.mul(v128.load(p5 + c), v128.load(q, 96)));
        a = f32x4.add(a, f32x4.mul(v128.load(p6 + c), v128.load(q, 112)));
        b = f32x4.add(b, f32x4.mul(v128.load(p7 + c), v128.load(q, 128)));
        a = f32x4.add(a, f32x4.mul(v128.load(p8 + c), v128.load(q, 144)));
        v128.store(y, f32x4.pmin(f32x4.pmax(f32x4.add(a, b), lows), highs));
        y += 16;
        q += 160;
      }
    }
  }
}
