import { describe, expect, test } from "vitest";
import { openKernels } from "../../../src/reader/kernels";
import { CACHE, type Cache } from "../../../src/reader/planned/blocks";
import { runCalls } from "../../../src/reader/planned/calls";
import { layoutOf } from "../../../src/reader/planned/layout";
import { bytesOf, shapeOf, type Plan } from "../../../src/reader/planned/plan";
import { programOf } from "../../../src/reader/planned/program";
import { packed } from "../../../src/reader/planned/weights";
import { cases, given } from "./vectors";

const { plan, network } = cases[0]!;
const small = { plan, network, given: given(plan) };

/** One pointwise convolution of few pixels, which threads share by its outputs. */
const values = Float32Array.from({ length: 8 * 48 }, (_, at) => ((at * 5) % 17) / 4 - 2);
const few = {
  plan: {
    schema_version: 1,
    input: [8, 3, 3],
    steps: [
      {
        ...{ kind: "pointwise", from: 0, added: null, shape: [48, 3, 3], size: 1, stride: 1, top: 0, left: 0 },
        ...{ weight: { offset: 0, stored: "float32", scales: null }, bias: 64, low: -1, high: null },
      },
    ],
    cuts: { y: 1 },
    filled: [],
  } satisfies Plan as Plan,
  network: new Uint8Array(values.buffer),
  given: values.subarray(0, 72),
};

/** What the rest takes, made by so many threads, of which each does some of the parts, the last part first. */
function made(threads: number, cache: Partial<Cache> = {}, one = small): Record<string, Float32Array> {
  const { plan, network, given } = one;
  const weights = plan.steps.map((step) => packed(step, network, shapeOf(plan, step.from)[0]));
  const layout = layoutOf(plan, weights.map((one) => one.byteLength), threads, { ...CACHE, ...cache });
  const { kernels, memory } = openKernels(layout.bytes);
  // What was not written yet must not be read.
  new Float32Array(memory.buffer, layout.words).fill(NaN);
  new Float32Array(memory.buffer, layout.zeros, plan.input[2] * 16).fill(0);
  weights.forEach((one, index) => new Float32Array(memory.buffer, layout.weights[index]).set(one));
  new Float32Array(memory.buffer, layout.given).set(given);
  const programs = Array.from({ length: threads }, (_, rank) => programOf(plan, layout, rank));
  const { after } = programs[0]!;
  for (const start of new Set(after)) {
    const together = after.flatMap((needed, part) => (needed === start ? [part] : [])).toReversed();
    for (const part of together) runCalls(kernels, programs[(part * 7) % threads]!.parts[part]!);
  }
  const cut = (name: string, tensor: number) =>
    new Float32Array(memory.buffer, layout.cuts[name], bytesOf(plan, tensor) / 4).slice();
  return Object.fromEntries(Object.entries(plan.cuts).map(([name, tensor]) => [name, cut(name, tensor)]));
}

const STEPWISE = { held: Infinity };
const LEAST = { held: 0, strip: 0 }; // one row at a time
const FEW = { held: 0, strip: 3000 };
const alone = made(1, STEPWISE);

describe("every bit is the same", () => {
  test("and a number, not what lay in the memory", () => {
    for (const values of Object.values(alone)) expect(values.some(Number.isNaN)).toBe(false);
  });

  test.each([LEAST, FEW, { held: 0 }])("whatever the strips: %o", (cache) => {
    expect(made(1, cache)).toEqual(alone);
  });

  test.each([2, 3, 4, 9])("whatever the number of threads: %i", (threads) => {
    for (const cache of [STEPWISE, LEAST, FEW]) expect(made(threads, cache)).toEqual(alone);
  });

  test.each([2, 3, 5])("where %i threads share outputs", (threads) => {
    const wanted = made(1, {}, few);
    expect(made(threads, {}, few)).toEqual(wanted);
    expect(wanted["y"]!.some((value) => value > 0)).toBe(true);
  });
});

test("strips take less memory than whole tensors", () => {
  const bytes = (cache: Cache) => layoutOf(plan as Plan, plan.steps.map(() => 0), 1, cache).bytes;
  expect(bytes({ held: 0, strip: 0 })).toBeLessThan(bytes({ held: Infinity, strip: 0 }));
});

test("a part waits for all parts of the step before it, and for no other", () => {
  const { after } = programOf(plan, layoutOf(plan, plan.steps.map(() => 0), 2, { held: Infinity, strip: 0 }), 0);
  const phases = [...new Set(after)];
  expect(phases).toHaveLength(plan.steps.length + 2);
  expect(after.every((needed, part) => needed <= part)).toBe(true);
  for (const needed of phases) expect(needed === 0 || after[needed - 1]! < needed).toBe(true);
});
