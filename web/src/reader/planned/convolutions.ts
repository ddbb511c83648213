// The convolutions that a network begins with, by our own kernels: onnxruntime's WASM has no depthwise kernel and
// multiplies matrices at half the speed (docs/explanation/edge-speed.md).

import { openKernels, type OpenKernels, openSharedKernels } from "../kernels";
import { reasonOf } from "../problem";
import { type Program, runCalls } from "./calls";
import { Crew } from "./crew";
import { type Layout, layoutOf } from "./layout";
import { bytesOf, type Plan, shapeOf } from "./plan";
import { programOf } from "./program";
import { Lost } from "./queue";
import { packed } from "./weights";

export interface Planes {
  data: Float32Array;
  /** [1, channels, height, width] */
  dims: [number, number, number, number];
}

/** How many threads work, where the page can have more than one. */
export interface Threads {
  count: number;
  /** Told why one thread works on alone. */
  alone(note: string): void;
  begin?: typeof Crew.begin;
}

const NONE: Threads = { count: 1, alone: () => undefined };

export class Convolutions {
  private crew: Crew | null = null;
  private readonly program: Program;

  private constructor(
    private readonly plan: Plan,
    private readonly layout: Layout,
    private open: OpenKernels,
    private readonly threads: Threads,
  ) {
    this.program = programOf(plan, layout, 0);
  }

  /** @param file bytes of the network that the plan was made of */
  static async open(plan: Plan, file: Uint8Array, threads: Threads = NONE): Promise<Convolutions> {
    const weights = plan.steps.map((step) => packed(step, file, shapeOf(plan, step.from)[0]));
    const layout = layoutOf(plan, weights.map((one) => one.byteLength), threads.count);
    const shared = threads.count > 1 ? openShared(layout.bytes, threads) : null;
    const open = shared ?? openKernels(layout.bytes);
    weights.forEach((one, index) => new Float32Array(open.memory.buffer, layout.weights[index]).set(one));
    const made = new Convolutions(plan, layout, open, threads);
    if (shared) await made.beginCrew();
    return made;
  }

  /** Where the input goes: float32 [channels, height, width]. */
  get input(): Float32Array {
    return new Float32Array(this.open.memory.buffer, this.layout.given, bytesOf(this.plan, 0) / 4);
  }

  /** Run every step on what lies in `input`; what it gives stays until the next run. */
  run(): Record<string, Planes> {
    const { cuts } = this.plan;
    if (!this.ranTogether()) for (const calls of this.program.parts) runCalls(this.open.kernels, calls);
    return Object.fromEntries(Object.entries(cuts).map(([name, tensor]) => [name, this.planesOf(name, tensor)]));
  }

  /** Leave the helpers. */
  stop(): void {
    this.crew?.stop();
    this.crew = null;
  }

  private async beginCrew(): Promise<void> {
    const { plan, layout, open, threads } = this;
    const { count, begin = Crew.begin } = threads;
    const { module, memory } = open;
    const { words } = layout;
    const task = (rank: number) => ({ module, memory, words, program: programOf(plan, layout, rank) });
    try {
      this.crew = await begin(Array.from({ length: count - 1 }, (_, at) => task(at + 1)));
    } catch (thrown) {
      threads.alone(`threads for convolutions did not start (${reasonOf(thrown)}); one thread reads`);
    }
  }

  private ranTogether(): boolean {
    if (!this.crew) return false;
    try {
      this.crew.run(this.open.kernels, this.program);
      return true;
    } catch (thrown) {
      if (!(thrown instanceof Lost)) throw thrown;
    }
    this.stop();
    // A memory of its own: a helper that was only late may still write into the one that was shared.
    const { memory } = this.open;
    this.open = openKernels(this.layout.bytes);
    const own = new Uint8Array(this.open.memory.buffer);
    own.set(new Uint8Array(memory.buffer, 0, own.length));
    this.threads.alone("a thread for convolutions was lost; one thread reads");
    return false;
  }

  private planesOf(name: string, tensor: number): Planes {
    const [channels, height, width] = shapeOf(this.plan, tensor);
    const data = new Float32Array(this.open.memory.buffer, this.layout.cuts[name], channels * height * width);
    return { data, dims: [1, channels, height, width] };
  }
}

function openShared(bytes: number, { alone }: Threads): OpenKernels | null {
  try {
    return openSharedKernels(bytes);
  } catch (thrown) {
    alone(`convolutions have no shared memory (${reasonOf(thrown)}); one thread reads`);
    return null;
  }
}
