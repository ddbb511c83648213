// Is a photograph worth reading? The same bits as overread/imaging/quality.py, whose words it repeats: all sums are
// of whole numbers. It warns and never decides.

import type { Manifest, Preprocess, Quality } from "./bundle";
import type { QualityWarning } from "./contract";

export interface ImageQuality {
  /** Of the decoded photograph, in pixels. */
  shorterSide: number;
  /** Mean luma of the network's input, 0..255. */
  brightness: number;
  /** Variance of the 4-neighbour Laplacian of that luma (inner pixels): 0 for a flat picture. */
  sharpness: number;
}

/** What is wrong with a photograph; [] where nothing is, or where the bundle has no limits.
 * `input` is what preprocess.onnx made of it, float32 [1, 3, size, size]; width and height are the photograph's. */
export function qualityWarnings(
  manifest: Pick<Manifest, "preprocess" | "quality">,
  input: Float32Array,
  width: number,
  height: number,
): QualityWarning[] {
  const limits = manifest.quality;
  return limits ? beyond(limits, measureQuality(manifest.preprocess, input, width, height)) : [];
}

export function measureQuality(
  preprocess: Preprocess,
  input: Float32Array,
  width: number,
  height: number,
): ImageQuality {
  const luma = lumaOf(input, preprocess);
  let sum = 0;
  for (let at = 0; at < luma.length; at += 1) sum += luma[at]!;
  return {
    shorterSide: Math.min(width, height),
    brightness: sum / luma.length,
    sharpness: laplacianVariance(luma, preprocess.size),
  };
}

function beyond(limits: Quality, measured: ImageQuality): QualityWarning[] {
  const found: [QualityWarning, boolean][] = [
    ["small", measured.shorterSide < limits.shorter_side],
    ["dark", measured.brightness < limits.dark],
    ["bright", measured.brightness > limits.bright],
    ["blurred", measured.sharpness < limits.sharpness],
  ];
  return found.filter(([, so]) => so).map(([warning]) => warning);
}

/** ITU-R BT.601 as Pillow's "L" has it, rounded: whole numbers 0..255. */
function lumaOf(input: Float32Array, preprocess: Preprocess): Uint8Array {
  const pixels = preprocess.size * preprocess.size;
  if (input.length !== 3 * pixels) throw new RangeError(`expected ${3 * pixels} numbers, got ${input.length}`);
  const [redScale, greenScale, blueScale] = preprocess.std.map((one) => one * 255) as [number, number, number];
  const [redShift, greenShift, blueShift] = preprocess.mean.map((one) => one * 255) as [number, number, number];
  const luma = new Uint8Array(pixels);
  for (let at = 0; at < pixels; at += 1) {
    // To the nearest: none is below 0, and dropping the fraction takes half the time of Math.round.
    const red = (input[at]! * redScale + redShift + 0.5) | 0;
    const green = (input[at + pixels]! * greenScale + greenShift + 0.5) | 0;
    const blue = (input[at + 2 * pixels]! * blueScale + blueShift + 0.5) | 0;
    luma[at] = (19595 * red + 38470 * green + 7471 * blue + 32768) >>> 16;
  }
  return luma;
}

/** 0 where there is no inner pixel. */
function laplacianVariance(luma: Uint8Array, size: number): number {
  if (size < 3) return 0;
  let sum = 0;
  let squares = 0;
  for (let row = 1; row < size - 1; row += 1) {
    for (let at = row * size + 1; at < (row + 1) * size - 1; at += 1) {
      const edge = luma[at - size]! + luma[at + size]! + luma[at - 1]! + luma[at + 1]! - 4 * luma[at]!;
      sum += edge;
      squares += edge * edge;
    }
  }
  const count = (size - 2) * (size - 2);
  const mean = sum / count;
  return squares / count - mean * mean;
}
