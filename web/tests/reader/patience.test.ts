import { describe, expect, it, vi } from "vitest";
import type { Opened, OpenOptions, Runtime, SelfTest } from "../../src/reader/contract";
import { PatientReader, type WorkerEnd, type WorkerReader } from "../../src/reader/patience";

const never = new Promise<never>(() => undefined);

function openedWith(options: OpenOptions): Opened {
  const runtime: Runtime = { backend: "wasm", threads: options.threads ?? 2, isolated: true, decoder: "browser", openedMs: 1, notes: [] };
  return { runtime } as unknown as Opened;
}

/** Ends of workers that start as told, one after the other. */
function workers(...starts: ((options: OpenOptions) => Promise<Opened>)[]) {
  const stops = starts.map(() => vi.fn());
  let begun = 0;
  const begin = (): WorkerEnd => {
    const start = starts[begun]!;
    const reader = { load: async () => undefined, start, selfTest: () => never, read: () => never } as WorkerReader;
    return { reader, failed: never, stop: stops[begun++]! };
  };
  return { begin, stops };
}

describe("PatientReader", () => {
  it("opens the first worker, and no other", async () => {
    const { begin, stops } = workers(async (options) => openedWith(options));
    const opened = await new PatientReader(begin, [50, 50]).open({ threads: 4 });
    expect([opened.runtime.threads, opened.runtime.notes, stops[0]!.mock.calls.length]).toEqual([4, [], 0]);
  });

  it("stops a worker that hangs, and reads with one thread", async () => {
    const { begin, stops } = workers(() => never, async (options) => openedWith(options));
    const opened = await new PatientReader(begin, [5, 500]).open({ threads: 4 });
    expect([opened.runtime.threads, stops[0]!.mock.calls.length]).toEqual([1, 1]);
    expect(opened.runtime.notes).toEqual(["threads did not start in time; one thread reads"]);
  });

  it("gives up where one thread hangs too", async () => {
    const { begin } = workers(() => never, () => never);
    await expect(new PatientReader(begin, [5, 5]).open()).rejects.toMatchObject({ problem: "time-out" });
  });

  it("lets files take as long as they take", async () => {
    const { begin } = workers(async (options) => openedWith(options));
    const slow = (): WorkerEnd => {
      const end = begin();
      return { ...end, reader: { ...end.reader, load: () => new Promise((resolve) => setTimeout(resolve, 60)) } };
    };
    expect((await new PatientReader(slow, [20, 20]).open()).runtime.notes).toEqual([]);
  });

  it("passes another problem on at once", async () => {
    const changed = { problem: "changed-file", where: "a.onnx", detail: "" };
    const { begin } = workers(() => Promise.reject(changed));
    await expect(new PatientReader(begin, [50, 50]).open()).rejects.toBe(changed);
  });

  it("says that the worker's script does not run", async () => {
    const { begin } = workers(() => never);
    const broken = () => ({ ...begin(), failed: Promise.resolve("its script did not load") });
    const said = { problem: "no-runtime", where: "worker", detail: "its script did not load" };
    await expect(new PatientReader(broken, [500, 500]).open()).rejects.toEqual(said);
  });

  it("tells what reads after the self-test left a faster way", async () => {
    const { begin } = workers(async (options) => openedWith(options));
    const runtime: Runtime = { ...openedWith({}).runtime, decoder: "codec", notes: ["other pixels"] };
    const tested: SelfTest = { passed: true, pictures: 1, maxScoreDifference: 0, maxNoveltyDifference: 0, failure: "", runtime };
    const reader = new PatientReader(() => {
      const end = begin();
      return { ...end, reader: { ...end.reader, selfTest: async () => tested } };
    });
    const opened = await reader.open();
    await reader.selfTest();
    expect([opened.runtime.decoder, opened.runtime.notes]).toEqual(["codec", ["other pixels"]]);
  });
});
