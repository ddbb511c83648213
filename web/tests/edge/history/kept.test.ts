import { expect, test } from "vitest";
import { fitted } from "../../../src/edge/history/kept";

test.each([
  [4000, 3000, [960, 720]],
  [3000, 4000, [720, 960]],
  [600, 450, [600, 450]],
  [10000, 1, [960, 1]],
] as const)("%i × %i fits without growing", (width, height, expected) => {
  expect(fitted(width, height, 960)).toEqual(expected);
});
