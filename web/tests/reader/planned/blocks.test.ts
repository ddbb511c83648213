import { describe, expect, test } from "vitest";
import { blocksOf, heldBytes, rowBytes, rowsOf, shareOf, stripsOf } from "../../../src/reader/planned/blocks";
import type { Plan, Step } from "../../../src/reader/planned/plan";

const weight = { offset: 0, stored: "float32", scales: null } as const;
const common = { added: null, weight, bias: null, low: null, high: null };

const pointwise = (from: number, channels: number, side: number, added: number | null = null): Step => ({
  ...common, kind: "pointwise", from, added, shape: [channels, side, side], size: 1, stride: 1, top: 0, left: 0,
});
const depthwise = (from: number, channels: number, side: number, stride = 1): Step => ({
  ...common, kind: "depthwise", from, shape: [channels, side, side], size: 3, stride, top: 1, left: 1,
});

/** Two inverted residuals of 8 channels on 16×16 pixels, the second onto its input and at half the size. */
const plan: Plan = {
  schema_version: 1,
  input: [8, 16, 16],
  steps: [
    ...[pointwise(0, 32, 16), depthwise(1, 32, 16), pointwise(2, 8, 16, 0)],
    ...[pointwise(3, 32, 16), depthwise(4, 32, 8, 2), pointwise(5, 8, 8)],
  ],
  cuts: { last: 6 },
  filled: [],
};
const LARGE = 32 * 16 * 16 * 4;
const residual = { first: 0, last: 2 };

describe("blocks", () => {
  test("are runs of steps with large tensors between, which the next step alone reads", () => {
    // Tensor 3 is small; 5 has a quarter of the pixels.
    expect(blocksOf(plan, LARGE - 1)).toEqual([residual, { first: 3, last: 4 }, { first: 5, last: 5 }]);
  });

  test("end at a tensor that is read twice, or that the rest takes", () => {
    const ends = (cuts: Plan["cuts"]) => blocksOf({ ...plan, cuts }, 0).map(({ last }) => last);
    expect(ends({ last: 6 })).toEqual([5]);
    expect(ends({ last: 6, middle: 4 })).toEqual([3, 5]);
    const steps = plan.steps.with(2, pointwise(2, 8, 16, 0)).with(5, pointwise(5, 8, 8, 3));
    expect(blocksOf({ ...plan, steps }, 0).map(({ last }) => last)).toEqual([2, 5]);
  });

  test("hold two windows at most", () => {
    const steps = [depthwise(0, 8, 16), depthwise(1, 8, 16), depthwise(2, 8, 16), pointwise(3, 8, 16)];
    const made = blocksOf({ ...plan, steps, cuts: { last: 4 } }, 0);
    expect(made).toEqual([{ first: 0, last: 1 }, { first: 2, last: 3 }]);
  });

  test("are single steps where everything fits", () => {
    expect(blocksOf(plan, Infinity)).toHaveLength(plan.steps.length);
  });
});

test("rows that are needed reach one beyond at each side, but not beyond the border", () => {
  const wanted = (from: number, to: number) => rowsOf(plan, residual, { from, to });
  expect(wanted(4, 6)).toEqual([{ from: 3, to: 7 }, { from: 4, to: 6 }, { from: 4, to: 6 }]);
  expect(wanted(0, 16)[0]).toEqual({ from: 0, to: 16 });
  expect(rowsOf(plan, { first: 3, last: 4 }, { from: 2, to: 4 })[0]).toEqual({ from: 3, to: 8 });
});

test("strips are as high as their bytes let them be, and a row at least", () => {
  const rows = { from: 0, to: 16 };
  const heights = (most: number) => stripsOf(plan, residual, rows, most).map(({ from, to }) => to - from);
  expect(heights(Infinity)).toEqual([16]);
  expect(heights(0)).toEqual(new Array(16).fill(1));
  const most = 14 * rowBytes(plan, 0);
  expect(heights(most)).toEqual([6, 6, 4]); // 6 rows and 8 of their neighbours
  expect(heldBytes(plan, residual, stripsOf(plan, residual, rows, most))).toBeLessThanOrEqual(most);
});

test("shares hold everything once", () => {
  const shares = [0, 1, 2].map((rank) => shareOf(7, rank, 3));
  expect(shares).toEqual([{ from: 0, to: 2 }, { from: 2, to: 4 }, { from: 4, to: 7 }]);
  expect([0, 1, 2].map((rank) => shareOf(1, rank, 3)).filter(({ from, to }) => to > from)).toHaveLength(1);
});
