// Helpers of the reader's thread: begun together, and left all together if one of them fails.

import type { Kernels } from "../kernels";
import { within } from "../within";
import { type Program, runCalls } from "./calls";
import type { Task } from "./helper";
import { Queue } from "./queue";

export interface Helper {
  /** Settles once it waits for work; rejects where its script does not run. */
  ready: Promise<void>;
  stop(): void;
}

/** Milliseconds in which a helper starts, and then does a part of a program, even on a slow phone. */
const PATIENCE = 5000;

export class Crew {
  private constructor(
    private readonly helpers: Helper[],
    private readonly queue: Queue,
  ) {}

  /** Throws where not all tasks' helpers start in time; then none of them runs. */
  static async begin(tasks: Task[], begin = beginHelper, patience = PATIENCE): Promise<Crew> {
    const helpers: Helper[] = [];
    try {
      for (const task of tasks) helpers.push(begin(task));
      await within(patience, Promise.all(helpers.map((one) => one.ready)), () => {
        throw new Error(`not within ${patience / 1000} seconds`);
      });
    } catch (thrown) {
      for (const one of helpers) one.stop();
      throw thrown;
    }
    const [task] = tasks;
    if (!task) throw new Error("expected a task or more");
    const words = new Int32Array(task.memory.buffer, task.words);
    return new Crew(helpers, new Queue(words, task.program.after, patience));
  }

  /** Do the program together; this is this thread's form of it. Throws Lost; then `stop` first of all. */
  run(kernels: Kernels, program: Program): void {
    this.queue.begin();
    this.queue.work((part) => runCalls(kernels, program.parts[part] ?? []));
    this.queue.finish();
  }

  stop(): void {
    for (const one of this.helpers) one.stop();
  }
}

function beginHelper(task: Task): Helper {
  const worker = new Worker(new URL("./helper.ts", import.meta.url), { type: "module", name: "helper" });
  const ready = new Promise<void>((resolve, reject) => {
    worker.addEventListener("message", () => resolve(), { once: true });
    const failed = (event: ErrorEvent) => reject(new Error(event.message || "its script did not load"));
    worker.addEventListener("error", failed);
  });
  worker.postMessage(task);
  return { ready, stop: () => worker.terminate() };
}
