import { expect, test } from "vitest";
import { colourOf, heatOf, seenPart } from "../../../src/edge/read/saliency";

const saliency = { values: new Float32Array([9, 9, 9, 9, -1, 0, 2, NaN]), classes: 2, height: 2, width: 2 };

test("heat is of one class, and only of what speaks for it", () => {
  expect([...heatOf({ ...saliency, values: new Float32Array([9, 9, 9, 9, -1, 0, 2, 1]) }, 1)]).toEqual([
    0, 0, 1, 0.5,
  ]);
  expect([...heatOf(saliency, 1)]).toEqual([0, 0, 1, 0]);
});

test("a map that speaks for nothing stays clear", () => {
  const heat = heatOf({ values: new Float32Array([-1, -2]), classes: 1, height: 1, width: 2 }, 0);
  expect([...colourOf(heat)].filter((_, index) => index % 4 === 3)).toEqual([0, 0]);
});

test("colours go from dark violet to yellow, and are as dense as the heat", () => {
  const pixels = colourOf(new Float32Array([0, 0.5, 1]));
  expect([...pixels.slice(4, 7)]).toEqual([183, 55, 121]);
  expect([...pixels.slice(8)]).toEqual([252, 253, 191, 255]);
  expect([pixels[3], pixels[7]]).toEqual([0, 128]);
});

test("squash sees the whole photograph, crop its central square", () => {
  expect(seenPart(600, 450, "squash")).toEqual({ left: 0, top: 0, width: 100, height: 100 });
  expect(seenPart(600, 450, "crop")).toEqual({ left: 12.5, top: 0, width: 75, height: 100 });
  expect(seenPart(300, 400, "crop")).toEqual({ left: 0, top: 12.5, width: 100, height: 75 });
});
