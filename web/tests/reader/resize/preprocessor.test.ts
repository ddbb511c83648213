// Our resize against preprocess.onnx in onnxruntime, bit for bit (tests/edge/test_resize_vectors.py writes the vectors).

import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { Preprocess } from "../../../src/reader/bundle";
import { Resizer } from "../../../src/reader/resize/preprocessor";
import { tapsOf } from "../../../src/reader/resize/taps";
import vectors from "./vectors.json";

/** What both sides can make again: noise, a white and a black part. */
function pixels(width: number, height: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: width * height * 3 }, (_, at) => {
    const noise = (Math.imul(at, 2654435761 | 0) >>> 13) & 255;
    const third = Math.floor((at * 3) / (width * height * 3));
    return third === 0 ? noise : third === 1 ? (noise > 99 ? 255 : 0) : 255 - (noise >> 4);
  });
}

test.each(vectors)("$spec.resize $spec.interpolation, $width x $height to $spec.size", (one) => {
  const resizer = new Resizer(one.spec as Preprocess);
  const given = { data: pixels(one.width, one.height), width: one.width, height: one.height };
  const made = [resizer.run(given), resizer.run(given)];
  for (const values of made) {
    expect(createHash("sha256").update(new Uint8Array(values.buffer)).digest("hex")).toBe(one.sha256);
  }
});

test("a photograph after a larger one is resized as the first", () => {
  const [small, large] = [vectors[0]!, { ...vectors[0]!, width: 900, height: 700 }];
  const resizer = new Resizer(small.spec as Preprocess);
  for (const { width, height } of [large, small]) {
    const values = resizer.run({ data: pixels(width, height), width, height });
    if (width !== small.width) continue;
    expect(createHash("sha256").update(new Uint8Array(values.buffer)).digest("hex")).toBe(small.sha256);
  }
});

test.each(["bilinear", "bicubic"] as const)("%s weights of an output sum up to one", (interpolation) => {
  const { values, window } = tapsOf(interpolation, 61, 17, 0, 17);
  for (let at = 0; at < values.length; at += window + 2) {
    const sum = values.slice(at + 2, at + 2 + values[at + 1]!).reduce((total, weight) => total + weight, 0);
    expect(Math.abs(sum - 2 ** 22)).toBeLessThanOrEqual(window);
  }
});
