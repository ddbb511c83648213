// A 1×1 convolution: y[pixel, n] = clamp(bias[n] + Σ x[pixel, k] · w[k, n] + added[pixel, n]).
// Channels last. Weights in panels of 8 outputs: 8 biases, then 8 weights for each k.
// 4 pixels × 8 outputs: their 8 sums stay in the 16 registers that a browser has for SIMD on x86.

// @ts-ignore: a decorator of AssemblyScript
@inline
function tile4(
  x: usize, panel: usize, y: usize, added: usize, xs: usize, ys: usize, low: v128, high: v128,
): void {
  const x1 = x + xs, x2 = x1 + xs, x3 = x2 + xs;
  let a0 = v128.load(panel), b0 = v128.load(panel, 16);
  let a1 = a0, a2 = a0, a3 = a0, b1 = b0, b2 = b0, b3 = b0;
  let w = panel + 32;
  for (let k: usize = 0; k < xs; k += 4) {
    const u = v128.load(w), v = v128.load(w, 16);
    const s0 = v128.load32_splat(x + k);
    a0 = f32x4.add(a0, f32x4.mul(s0, u));
    b0 = f32x4.add(b0, f32x4.mul(s0, v));
    const s1 = v128.load32_splat(x1 + k);
    a1 = f32x4.add(a1, f32x4.mul(s1, u));
    b1 = f32x4.add(b1, f32x4.mul(s1, v));
    const s2 = v128.load32_splat(x2 + k);
    a2 = f32x4.add(a2, f32x4.mul(s2, u));
    b2 = f32x4.add(b2, f32x4.mul(s2, v));
    const s3 = v128.load32_splat(x3 + k);
    a3 = f32x4.add(a3, f32x4.mul(s3, u));
    b3 = f32x4.add(b3, f32x4.mul(s3, v));
    w += 32;
  }
  put(y, added, a0, b0, low, high);
  put(y + ys, added ? added + ys : 0, a1, b1, low, high);
  put(y + ys * 2, added ? added + ys * 2 : 0, a2, b2, low, high);
  put(y + ys * 3, added ? added + ys * 3 : 0, a3, b3, low, high);
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function tile1(x: usize, panel: usize, y: usize, added: usize, xs: usize, low: v128, high: v128): void {
  let a = v128.load(panel), b = v128.load(panel, 16);
  let w = panel + 32;
  for (let k: usize = 0; k < xs; k += 4) {
    const s = v128.load32_splat(x + k);
    a = f32x4.add(a, f32x4.mul(s, v128.load(w)));
    b = f32x4.add(b, f32x4.mul(s, v128.load(w, 16)));
    w += 32;
  }
  put(y, added, a, b, low, high);
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function put(y: usize, added: usize, a: v128, b: v128, low: v128, high: v128): void {
  if (added) {
    a = f32x4.add(a, v128.load(added));
    b = f32x4.add(b, v128.load(added, 16));
  }
  // In this order what is no number stays none, with one instruction where min and max take six.
  v128.store(y, f32x4.pmin(f32x4.pmax(a, low), high));
  v128.store(y, f32x4.pmin(f32x4.pmax(b, low), high), 16);
}

/**
 * @param x float32 [pixels, inputs]
 * @param w packed as above; `outputs` is a multiple of 8
 * @param y where float32 [pixels, outputs] of a tensor of `stride` outputs begins
 * @param added the same part of a tensor of y's shape, or 0
 * @param block so many pixels at a time, that their x stays in the first cache
 */
export function pointwise(
  x: usize, w: usize, y: usize, added: usize,
  pixels: i32, inputs: i32, outputs: i32, stride: i32, block: i32, low: f32, high: f32,
): void {
  const lows = f32x4.splat(low), highs = f32x4.splat(high);
  const xs = <usize>inputs << 2, ys = <usize>stride << 2, ws = (<usize>inputs + 1) << 5;
  const end = <usize>outputs << 2;
  for (let from = 0; from < pixels; from += block) {
    const to = min(from + block, pixels);
    let panel = w;
    for (let n: usize = 0; n < end; n += 32) {
      let i = from;
      for (; i + 4 <= to; i += 4) {
        const at = <usize>i * ys + n;
        tile4(x + <usize>i * xs, panel, y + at, added ? added + at : 0, xs, ys, lows, highs);
      }
      for (; i < to; i++) {
        const at = <usize>i * ys + n;
        tile1(x + <usize>i * xs, panel, y + at, added ? added + at : 0, xs, lows, highs);
      }
      panel += ws;
    }
  }
}
