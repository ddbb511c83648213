// A reader whose worker may hang, or not start at all: waits for so long, then tries again with one thread.
// (Where a host sends the headers of isolation with some files only, threads wait for each other for ever.)

import type { Opened, OpenOptions, ReaderApi, ReadOptions, SelfTest } from "./contract";
import { isProblem, problem } from "./problem";
import { within } from "./within";

/** What the worker exposes beside ReaderApi: opening in two steps, as fetching may take any time. */
export interface WorkerReader {
  load(options: OpenOptions): Promise<void>;
  start(options: OpenOptions): Promise<Opened>;
  selfTest(): Promise<SelfTest>;
  read: ReaderApi["read"];
}

export interface WorkerEnd {
  reader: WorkerReader;
  /** Why the worker's script cannot run; never settles where it does. */
  failed: Promise<string>;
  stop(): void;
}

/** Milliseconds in which a session opens even on a slow phone. */
export const PATIENCE = 15_000;
const LAST_PATIENCE = 60_000;

export class PatientReader implements ReaderApi {
  private end: WorkerEnd;
  private opened: Opened | null = null;

  constructor(
    private readonly begin: () => WorkerEnd,
    private readonly patience: readonly [number, number] = [PATIENCE, LAST_PATIENCE],
  ) {
    this.end = begin();
  }

  async open(options: OpenOptions = {}): Promise<Opened> {
    try {
      this.opened = await this.openWithin(this.patience[0], options);
    } catch (thrown) {
      if (!isProblem(thrown) || thrown.problem !== "time-out") throw thrown;
      this.end.stop();
      this.end = this.begin();
      this.opened = await this.openWithin(this.patience[1], { ...options, threads: 1, gpu: false });
      this.opened.runtime.notes.push("threads did not start in time; one thread reads");
    }
    return this.opened;
  }

  async selfTest(): Promise<SelfTest> {
    const tested = await this.orFailed(this.end.reader.selfTest());
    const { runtime } = tested;
    if (this.opened && runtime) {
      const own = this.opened.runtime.notes.filter((note) => !runtime.notes.includes(note));
      Object.assign(this.opened.runtime, runtime, { notes: [...runtime.notes, ...own] });
    }
    return tested;
  }

  read(file: Blob, options: ReadOptions = {}): ReturnType<ReaderApi["read"]> {
    return this.orFailed(this.end.reader.read(file, options));
  }

  private async openWithin(patience: number, options: OpenOptions): Promise<Opened> {
    await this.orFailed(this.end.reader.load(options));
    return within(patience, this.orFailed(this.end.reader.start(options)), () => {
      throw problem("time-out", "onnxruntime-web", `the runtime did not open within ${patience / 1000} seconds`);
    });
  }

  private orFailed<T>(answer: Promise<T>): Promise<T> {
    const failed = this.end.failed.then((reason) => {
      throw problem("no-runtime", "worker", reason);
    });
    return Promise.race([answer, failed]);
  }
}
