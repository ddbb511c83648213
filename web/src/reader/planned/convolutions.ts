// The convolutions that a network begins with, by our own kernels: onnxruntime's WASM has no depthwise kernel and
// multiplies matrices at half the speed (docs/explanation/edge-speed.md).

import { type Kernels, openKernels } from "../kernels";
import { layoutOf, type Layout } from "./layout";
import { type Plan, shapeOf } from "./plan";
import { programOf, runCalls, type Program } from "./program";
import { packed } from "./weights";

export interface Planes {
  data: Float32Array;
  /** [1, channels, height, width] */
  dims: [number, number, number, number];
}

export class Convolutions {
  private readonly kernels: Kernels;
  private readonly memory: WebAssembly.Memory;
  private readonly layout: Layout;
  private readonly program: Program;

  /** @param file bytes of the network that the plan was made of */
  constructor(private readonly plan: Plan, file: Uint8Array) {
    const weights = plan.steps.map((step) => packed(step, file, shapeOf(plan, step.from)[0]));
    const layout = layoutOf(plan, weights.map((one) => one.byteLength), 1);
    ({ kernels: this.kernels, memory: this.memory } = openKernels(layout.bytes));
    weights.forEach((one, index) => new Float32Array(this.memory.buffer, layout.weights[index]).set(one));
    this.program = programOf(plan, layout, 0, 1);
    this.layout = layout;
  }

  /** Where the input goes: float32 [channels, height, width]. */
  get input(): Float32Array {
    return new Float32Array(this.memory.buffer, this.layout.given, this.plan.input.reduce((a, b) => a * b));
  }

  /** Run every step on what lies in `input`; what it gives stays until the next run. */
  run(): Record<string, Planes> {
    for (const calls of this.program) runCalls(this.kernels, calls);
    const { cuts } = this.plan;
    return Object.fromEntries(Object.entries(cuts).map(([name, tensor]) => [name, this.planesOf(name, tensor)]));
  }

  private planesOf(name: string, tensor: number): Planes {
    const [channels, height, width] = shapeOf(this.plan, tensor);
    const data = new Float32Array(this.memory.buffer, this.layout.cuts[name], channels * height * width);
    return { data, dims: [1, channels, height, width] };
  }
}
