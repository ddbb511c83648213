import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Preprocess, Quality } from "../../src/reader/bundle";
import { measureQuality, qualityWarnings } from "../../src/reader/quality";

interface Case {
  seed: number;
  preprocess: Preprocess;
  limits: Quality;
  brightness: number;
  sharpness: number;
  warnings: string[];
}

// Python measured these (tests/imaging/test_quality.py writes down and checks the same file).
const cases = JSON.parse(readFileSync(new URL("quality.vectors.json", import.meta.url), "utf-8")) as Case[];

/** The picture that the Python test has, as preprocess.onnx normalises it: one subtraction, one multiplication. */
function pattern({ seed, preprocess: { size, mean, std } }: Case): Float32Array {
  const input = new Float32Array(3 * size * size);
  for (let channel = 0; channel < 3; channel += 1) {
    const shift = Math.fround(mean[channel]! * 255);
    const scale = Math.fround(1 / (std[channel]! * 255));
    for (let row = 0; row < size; row += 1) {
      for (let column = 0; column < size; column += 1) {
        const level = (row * row * (seed + 1) + column * (7 + seed) + row * column + 29 * channel * seed) % 256;
        input[(channel * size + row) * size + column] = Math.fround(level - shift) * scale;
      }
    }
  }
  return input;
}

describe("measureQuality", () => {
  it.each(cases)("gives Python's bits for picture $seed", (one) => {
    const { size } = one.preprocess;
    const measured = measureQuality(one.preprocess, pattern(one), size, size + 5);
    expect(measured).toEqual({ shorterSide: size, brightness: one.brightness, sharpness: one.sharpness });
  });

  it("refuses an input of another size", () => {
    expect(() => measureQuality(cases[0]!.preprocess, new Float32Array(12), 9, 9)).toThrow(/expected 1728/);
  });
});

describe("qualityWarnings", () => {
  it.each(cases)("warns as Python does of picture $seed", (one) => {
    const manifest = { preprocess: one.preprocess, quality: one.limits };
    const { size } = one.preprocess;
    expect(qualityWarnings(manifest, pattern(one), size + 5, size)).toEqual(one.warnings);
  });

  it.each([{ quality: null }, {}])("warns of nothing where a bundle has no limits", (none) => {
    const one = cases[0]!;
    expect(qualityWarnings({ preprocess: one.preprocess, ...none }, pattern(one), 1, 1)).toEqual([]);
  });

  it("knows all four kinds", () => {
    const one = cases[0]!;
    const limits = { images: 1, shorter_side: 100, dark: 255, bright: 0, sharpness: 1e9 };
    const manifest = { preprocess: one.preprocess, quality: limits };
    expect(qualityWarnings(manifest, pattern(one), 99, 100)).toEqual(["small", "dark", "bright", "blurred"]);
  });
});
