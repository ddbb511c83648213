// Which pixels an output of the antialiased resize is made of, and with which weights: float32 as in onnxruntime's
// upsample_antialias.h (exclude_outside, half_pixel), so that every bit is the same.

import type { Preprocess } from "../bundle";

const { fround } = Math;
const ONE = 2 ** 22;

export interface Taps {
  /** For each output: its first pixel, how many, and `window` weights in multiples of 2^-22. */
  values: Int32Array;
  window: number;
  /** The first pixel that any output needs, and the one after the last. */
  from: number;
  to: number;
}

/**
 * Taps of outputs `first` to `first + count` where `size` pixels become `target`.
 */
export function tapsOf(
  interpolation: Preprocess["interpolation"], size: number, target: number, first: number, count: number,
): Taps {
  const filter = interpolation === "bicubic" ? cubic : linear;
  const reach = interpolation === "bicubic" ? 2 : 1;
  const ratio = fround(target / size);
  const scale = fround(1 / ratio);
  const support = scale >= 1 ? fround(reach * scale) : reach;
  const shrink = scale >= 1 ? fround(1 / scale) : 1;
  const window = Math.ceil(support) * 2 + 1;
  const values = new Int32Array(count * (window + 2));
  let [from, to] = [size, 0];
  for (let index = 0; index < count; index++) {
    const output = first + index;
    const origin = scale === 1 ? output : fround(fround(fround(output + 0.5) / ratio) - 0.5);
    const centre = fround(0.5 + origin);
    const low = Math.floor(fround(fround(centre - support) + 0.5));
    const high = low + within(Math.floor(fround(fround(centre + support) + 0.5)) - low, window);
    const start = within(low, size);
    const stop = within(high, size);
    const weights = normalised(start, stop, (pixel) =>
      filter(fround(fround(fround(pixel - centre) + 0.5) * shrink)),
    );
    values.set([start, stop - start, ...weights], index * (window + 2));
    from = Math.min(from, start);
    to = Math.max(to, stop);
  }
  return { values, window, from, to };
}

const within = (value: number, most: number) => Math.min(Math.max(value, 0), most);

function normalised(start: number, stop: number, weightOf: (pixel: number) => number): number[] {
  const weights: number[] = [];
  let total = 0;
  for (let pixel = start; pixel < stop; pixel++) {
    const weight = weightOf(pixel);
    weights.push(weight);
    total = fround(total + weight);
  }
  const factor = total === 0 ? 1 : fround(1 / total);
  return weights.map((weight) => rounded(fround(weight * factor) * ONE));
}

/** Halves away from zero, as C rounds. */
const rounded = (value: number) => Math.sign(value) * Math.floor(Math.abs(value) + 0.5);

function linear(x: number): number {
  const far = Math.abs(x);
  return far < 1 ? fround(1 - far) : 0;
}

/** Pillow's, with a = -0.5. */
function cubic(x: number): number {
  const far = Math.abs(x);
  if (far < 1) {
    const inner = fround(fround(1.5 * far) - 2.5);
    return fround(fround(fround(inner * far) * far) + 1);
  }
  if (far < 2) {
    const inner = fround(fround(fround(far - 5) * far) + 8);
    return fround(fround(fround(inner * far) - 4) * -0.5);
  }
  return 0;
}
