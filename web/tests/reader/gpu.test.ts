import { describe, expect, it, vi } from "vitest";
import type { SelfTest } from "../../src/reader/contract";
import { steady, tryGpu } from "../../src/reader/gpu";
import type { Network, Output } from "../../src/reader/onnx";

const INPUT = { values: new Float32Array(3), metadata: new Float32Array(0) };
const PASSED: SelfTest = { passed: true, pictures: 1, maxScoreDifference: 0, maxNoveltyDifference: 0, failure: "" };

/** A network that takes so many milliseconds and tells its own number. */
function network(milliseconds: number, told: number): Network {
  const output = { scores: Float32Array.of(told), novelty: 0 } as Output;
  return { run: () => new Promise((resolve) => setTimeout(() => resolve(output), milliseconds)) };
}

const told = async (one: Network) => (await one.run(INPUT.values, INPUT.metadata)).scores[0];

describe("tryGpu", () => {
  it("takes the graphics processor where it is faster and reads as it must", async () => {
    const trial = await tryGpu(async () => network(1, 2), network(30, 1), INPUT, async () => PASSED);
    expect([trial.gpu, await told(trial.network)]).toEqual([true, 2]);
  });

  it("leaves it where it is slower, without a test", async () => {
    const test = vi.fn();
    const trial = await tryGpu(async () => network(30, 2), network(1, 1), INPUT, test);
    expect([trial.gpu, await told(trial.network), test.mock.calls.length]).toEqual([false, 1, 0]);
    expect(trial.note).toMatch(/not faster here/);
  });

  it("leaves it where it reads otherwise", async () => {
    const failed = { ...PASSED, passed: false, failure: "01.jpg: reads 'urgent'" };
    const trial = await tryGpu(async () => network(1, 2), network(30, 1), INPUT, async () => failed);
    expect([trial.gpu, await told(trial.network)]).toEqual([false, 1]);
    expect(trial.note).toMatch(/reads otherwise here: 01\.jpg/);
  });

  it("goes on without one", async () => {
    const trial = await tryGpu(() => Promise.reject(new Error("no adapter")), network(1, 1), INPUT, async () => PASSED);
    expect([trial.gpu, trial.note]).toEqual([false, "the graphics processor cannot be used here (no adapter)"]);
  });
});

describe("steady", () => {
  it("reads on with the other once the graphics processor is lost, and does not go back", async () => {
    const fast = { run: vi.fn(network(0, 2).run).mockRejectedValueOnce(new Error("device lost")) };
    const both = steady(fast, network(0, 1));
    expect([await told(both), await told(both), fast.run.mock.calls.length]).toEqual([1, 1, 1]);
  });
});
