import { describe, expect, test } from "vitest";
import { openKernels } from "../../../src/reader/kernels";
import { CACHE, type Cache } from "../../../src/reader/planned/blocks";
import { layoutOf } from "../../../src/reader/planned/layout";
import { bytesOf, shapeOf, type Plan } from "../../../src/reader/planned/plan";
import { programOf, runCalls } from "../../../src/reader/planned/program";
import { packed } from "../../../src/reader/planned/weights";
import { cases, given } from "./vectors";

const { plan, network } = cases[0]!;

/** What the rest takes, made by so many threads; between two barriers `order` says who is the first. */
function made(threads: number, cache: Partial<Cache> = {}, order = (ranks: number[]) => ranks): Record<string, Float32Array> {
  const weights = plan.steps.map((step) => packed(step, network, shapeOf(plan, step.from)[0]));
  const layout = layoutOf(plan, weights.map((one) => one.byteLength), threads, { ...CACHE, ...cache });
  const { kernels, memory } = openKernels(layout.bytes);
  // What was not written yet must not be read.
  new Float32Array(memory.buffer, layout.words).fill(NaN);
  new Float32Array(memory.buffer, layout.zeros, plan.input[2] * 16).fill(0);
  weights.forEach((one, index) => new Float32Array(memory.buffer, layout.weights[index]).set(one));
  new Float32Array(memory.buffer, layout.given).set(given(plan));
  const ranks = order(Array.from({ length: threads }, (_, rank) => rank));
  const programs = ranks.map((rank) => programOf(plan, layout, rank, threads));
  for (let phase = 0; phase < programs[0]!.length; phase++) {
    for (const program of programs) runCalls(kernels, program[phase]!);
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

  test("whoever is the first", () => {
    for (const cache of [STEPWISE, FEW]) expect(made(3, cache, (ranks) => ranks.toReversed())).toEqual(alone);
  });
});

test("strips take less memory than whole tensors", () => {
  const bytes = (cache: Cache) => layoutOf(plan as Plan, plan.steps.map(() => 0), 1, cache).bytes;
  expect(bytes({ held: 0, strip: 0 })).toBeLessThan(bytes({ held: Infinity, strip: 0 }));
});

test("threads have as many barriers, even one that has nothing to do", () => {
  const layout = layoutOf(plan, plan.steps.map(() => 0), 9);
  const counts = [0, 4, 8].map((rank) => programOf(plan, layout, rank, 9).length);
  expect(new Set(counts).size).toBe(1);
});
