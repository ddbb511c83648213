import { describe, expect, test, vi } from "vitest";
import { openSharedKernels } from "../../../src/reader/kernels";
import { Crew } from "../../../src/reader/planned/crew";
import { Convolutions, type Planes } from "../../../src/reader/planned/convolutions";
import type { Task } from "../../../src/reader/planned/helper";
import { Lost } from "../../../src/reader/planned/queue";
import { cases, given } from "./vectors";

const { plan, network } = cases[0]!;
const SOON = 5; // milliseconds
const never = new Promise<never>(() => undefined);

const task = (): Task => {
  const { module, memory } = openSharedKernels(2048);
  return { module, memory, words: 1024, program: { parts: [[]], after: [0] } };
};

describe("a crew", () => {
  test("begins once all its helpers are ready", async () => {
    const begin = vi.fn(() => ({ ready: Promise.resolve(), stop: vi.fn() }));
    const one = task();
    const crew = await Crew.begin([one, one], begin, SOON);
    crew.run({} as never, one.program);
    expect(begin).toHaveBeenCalledTimes(2);
  });

  test.each([
    ["is late", () => never, "not within 0.005 seconds"],
    ["does not run", () => Promise.reject(new Error("its script did not load")), "its script did not load"],
  ])("stops all its helpers where one %s", async (_, ready, said) => {
    const stops = [vi.fn(), vi.fn()];
    const readies = [() => Promise.resolve(), ready];
    let begun = 0;
    const begin = () => ({ ready: readies[begun]!(), stop: stops[begun++]! });
    await expect(Crew.begin([task(), task()], begin, SOON)).rejects.toThrow(said);
    for (const stop of stops) expect(stop).toHaveBeenCalledOnce();
  });
});

describe("convolutions on threads", () => {
  async function ranAlone(): Promise<Record<string, Planes>> {
    const convolutions = await Convolutions.open(plan, network);
    convolutions.input.set(given(plan));
    return convolutions.run();
  }

  test("go on with one where no other starts", async () => {
    const notes: string[] = [];
    const begin = () => Promise.reject(new Error("no workers here"));
    const threads = { count: 2, alone: (note: string) => notes.push(note), begin };
    const convolutions = await Convolutions.open(plan, network, threads);
    convolutions.input.set(given(plan));
    expect(convolutions.run()).toEqual(await ranAlone());
    expect(notes).toEqual(["threads for convolutions did not start (no workers here); one thread reads"]);
  });

  test("go on with one where another is lost, whatever that one still writes", async () => {
    const notes: string[] = [];
    const stop = vi.fn();
    let shared: WebAssembly.Memory | undefined;
    const run = () => {
      throw new Lost("a thread is lost");
    };
    const begin = async (tasks: Task[]) => {
      shared = tasks[0]?.memory;
      return { run, stop } as unknown as Crew;
    };
    const threads = { count: 3, alone: (note: string) => notes.push(note), begin };
    const convolutions = await Convolutions.open(plan, network, threads);
    convolutions.input.set(given(plan));
    const first = structuredClone(convolutions.run());
    new Uint8Array(shared!.buffer).fill(255);
    convolutions.input.set(given(plan));
    expect(convolutions.run()).toEqual(first);
    expect(first).toEqual(await ranAlone());
    expect(notes).toEqual(["a thread for convolutions was lost; one thread reads"]);
    expect(stop).toHaveBeenCalledOnce();
  });
});
