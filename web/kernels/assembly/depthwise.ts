// A 3×3 convolution of each channel by itself, channels last.
// Weights in groups of 4 channels: 4 biases, then 4 weights for each of the 9 places.
// Every output is added up in two sums in the same order, whichever way it is made: the bits are the same.

// @ts-ignore: a decorator of AssemblyScript
@inline
function three(x: v128, y: v128, z: v128, w: usize, start: v128): v128 {
  const two = f32x4.add(f32x4.add(start, f32x4.mul(x, v128.load(w))), f32x4.mul(y, v128.load(w, 16)));
  return f32x4.add(two, f32x4.mul(z, v128.load(w, 32)));
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function threeMore(x: v128, y: v128, z: v128, w: usize): v128 {
  const two = f32x4.add(f32x4.mul(x, v128.load(w)), f32x4.mul(y, v128.load(w, 16)));
  return f32x4.add(two, f32x4.mul(z, v128.load(w, 32)));
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function put(y: usize, a: v128, b: v128, low: v128, high: v128): void {
  v128.store(y, f32x4.pmin(f32x4.pmax(f32x4.add(a, b), low), high));
}

/** Two outputs beside each other, none of whose columns lies beyond the border; `stride` is 1 or 2. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function two(
  w: usize, y: usize, up: usize, middle: usize, down: usize, cs: usize, stride: i32, low: v128, high: v128,
): void {
  const end = w + (cs >> 4) * 160, cs2 = cs * 2, cs3 = cs * 3, cs4 = cs * 4;
  for (let q = w; q < end; q += 160) {
    let x0 = v128.load(up), x1 = v128.load(up + cs), x2 = v128.load(up + cs2), x3 = v128.load(up + cs3);
    let x4 = stride == 2 ? v128.load(up + cs4) : x3;
    const bias = v128.load(q);
    let a0 = three(x0, x1, x2, q + 16, bias);
    let a1 = stride == 2 ? three(x2, x3, x4, q + 16, bias) : three(x1, x2, x3, q + 16, bias);
    x0 = v128.load(middle), x1 = v128.load(middle + cs), x2 = v128.load(middle + cs2), x3 = v128.load(middle + cs3);
    if (stride == 2) x4 = v128.load(middle + cs4);
    let b0 = threeMore(x0, x1, x2, q + 64);
    let b1 = stride == 2 ? threeMore(x2, x3, x4, q + 64) : threeMore(x1, x2, x3, q + 64);
    x0 = v128.load(down), x1 = v128.load(down + cs), x2 = v128.load(down + cs2), x3 = v128.load(down + cs3);
    if (stride == 2) x4 = v128.load(down + cs4);
    const w6 = v128.load(q, 112), w7 = v128.load(q, 128), w8 = v128.load(q, 144);
    a0 = f32x4.add(f32x4.add(a0, f32x4.mul(x0, w6)), f32x4.mul(x2, w8));
    b0 = f32x4.add(b0, f32x4.mul(x1, w7));
    a1 = f32x4.add(a1, f32x4.mul(stride == 2 ? x2 : x1, w6));
    b1 = f32x4.add(b1, f32x4.mul(stride == 2 ? x3 : x2, w7));
    a1 = f32x4.add(a1, f32x4.mul(stride == 2 ? x4 : x3, w8));
    put(y, a0, b0, low, high);
    put(y + cs, a1, b1, low, high);
    up += 16;
    middle += 16;
    down += 16;
    y += 16;
  }
}

/** One output whose columns may lie beyond the border. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function one(
  w: usize, y: usize, up: usize, middle: usize, down: usize,
  column: i32, width: i32, zeros: usize, cs: usize, low: v128, high: v128,
): void {
  const l = column >= 0 && column < width, m = column + 1 >= 0 && column + 1 < width;
  const r = column + 2 >= 0 && column + 2 < width;
  const at = <usize>column * cs;
  const p0 = l ? up + at : zeros, p1 = m ? up + at + cs : zeros, p2 = r ? up + at + cs * 2 : zeros;
  const p3 = l ? middle + at : zeros, p4 = m ? middle + at + cs : zeros, p5 = r ? middle + at + cs * 2 : zeros;
  const p6 = l ? down + at : zeros, p7 = m ? down + at + cs : zeros, p8 = r ? down + at + cs * 2 : zeros;
  let q = w;
  for (let c: usize = 0; c < cs; c += 16) {
    let a = three(v128.load(p0 + c), v128.load(p1 + c), v128.load(p2 + c), q + 16, v128.load(q));
    let b = threeMore(v128.load(p3 + c), v128.load(p4 + c), v128.load(p5 + c), q + 64);
    a = f32x4.add(a, f32x4.mul(v128.load(p6 + c), v128.load(q, 112)));
    b = f32x4.add(b, f32x4.mul(v128.load(p7 + c), v128.load(q, 128)));
    a = f32x4.add(a, f32x4.mul(v128.load(p8 + c), v128.load(q, 144)));
    put(y + c, a, b, low, high);
    q += 160;
  }
}

/**
 * Rows `from` to `to` of the outputs.
 *
 * @param x where row 0 of float32 [height, width, channels] lies or would lie; `channels` is a multiple of 4
 * @param y where row 0 of float32 [rows, outWidth, channels] lies or would lie
 * @param zeros float32 [width, channels], what lies beyond the border
 */
export function depthwise(
  x: usize, w: usize, y: usize, zeros: usize,
  height: i32, width: i32, channels: i32, stride: i32, top: i32, left: i32,
  from: i32, to: i32, outWidth: i32, low: f32, high: f32,
): void {
  const lows = f32x4.splat(low), highs = f32x4.splat(high);
  const cs = <usize>channels << 2, rs = <usize>width * cs;
  y += <usize>(from * outWidth) * cs;
  for (let i = from; i < to; i++) {
    const row = i * stride - top, first = x + <usize>row * rs;
    const up = row >= 0 && row < height ? first : zeros;
    const middle = row + 1 >= 0 && row + 1 < height ? first + rs : zeros;
    const down = row + 2 >= 0 && row + 2 < height ? first + rs * 2 : zeros;
    let j = 0;
    while (j < outWidth) {
      const column = j * stride - left, at = <usize>column * cs;
      const inside = column >= 0 && column + stride + 3 <= width && j + 2 <= outWidth;
      if (inside && stride == 1) {
        two(w, y, up + at, middle + at, down + at, cs, 1, lows, highs);
      } else if (inside && stride == 2) {
        two(w, y, up + at, middle + at, down + at, cs, 2, lows, highs);
      } else {
        one(w, y, up, middle, down, column, width, zeros, cs, lows, highs);
        y += cs;
        j++;
        continue;
      }
      y += cs * 2;
      j += 2;
    }
  }
}
