// Our kernels against what Python's replay of the same plan gives.

import { describe, expect, test } from "vitest";
import { Convolutions } from "../../../src/reader/planned/convolutions";
import { filledRest } from "../../../src/reader/planned/plan";
import { blocksOf } from "../../../src/reader/planned/blocks";
import { placesOf } from "../../../src/reader/planned/places";
import { cases, given } from "./vectors";

describe.each(cases)("a network stored in its way", ({ plan, network, rest, wanted }) => {
  test("gives what Python's replay gives, the second time as the first", async () => {
    const convolutions = await Convolutions.open(plan, network);
    convolutions.input.set(given(plan));
    const first = structuredClone(convolutions.run()); // what it gives stays until the next run only
    convolutions.input.set(given(plan));
    const second = convolutions.run();
    expect(Object.keys(first).sort()).toEqual(Object.keys(wanted).sort());
    for (const [name, values] of Object.entries(wanted)) {
      const made = first[name]?.data ?? new Float32Array();
      expect(made.length).toBe(values.length);
      const most = Math.max(...values.map((value, at) => Math.abs(value - (made[at] ?? NaN))));
      expect(most).toBeLessThan(1e-6 * Math.max(...values.map(Math.abs)));
      expect(second[name]?.data).toEqual(made);
    }
  });

  test("finds the rest's weights in the network's file", () => {
    const whole = filledRest(plan, network, rest);
    for (const [to, from, count] of plan.filled) {
      expect(whole.subarray(to, to + count)).toEqual(network.subarray(from, from + count));
      expect(rest.subarray(to, to + count).every((byte) => byte === 0)).toBe(true);
    }
    expect(plan.filled.length).toBeGreaterThan(0);
  });
});

test("tensors that are needed at the same time lie apart, and memory is used again", () => {
  const { plan } = cases[0]!;
  const { offsets, bytes } = placesOf(plan, blocksOf(plan, Infinity));
  const size = (tensor: number) => {
    const shape = tensor ? plan.steps[tensor - 1]!.shape : plan.input;
    return shape[0] * shape[1] * shape[2] * 4;
  };
  const lastUse = offsets.map((_, tensor) =>
    Object.values(plan.cuts).includes(tensor)
      ? Infinity
      : Math.max(...plan.steps.map((step, at) => (step.from === tensor || step.added === tensor ? at + 1 : 0))),
  );
  for (let one = 0; one < offsets.length; one++) {
    for (let other = one + 1; other < offsets.length; other++) {
      if (lastUse[one]! < other) continue;
      const apart = offsets[one]! + size(one) <= offsets[other]! || offsets[other]! + size(other) <= offsets[one]!;
      expect(apart, `tensors ${one} and ${other}`).toBe(true);
    }
  }
  expect(bytes).toBeLessThan(offsets.reduce((sum, _, tensor) => sum + size(tensor) + 64, 0));
});

test("a plan that does not fit its network is refused", async () => {
  const { plan, network } = cases[0]!;
  const opened = Convolutions.open(plan, network.subarray(0, 100));
  await expect(opened).rejects.toThrow("the plan does not fit the network");
});

test("a value that is no number stays none", async () => {
  const { plan, network } = cases[0]!;
  const convolutions = await Convolutions.open(plan, network);
  convolutions.input.fill(NaN);
  for (const { data } of Object.values(convolutions.run())) expect(data.every(Number.isNaN)).toBe(true);
});
