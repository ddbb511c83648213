// The convolutions that a network begins with, by our own kernels: onnxruntime's WASM has no depthwise kernel and
// multiplies matrices at half the speed (docs/explanation/edge-speed.md).

import { type Kernels, openKernels } from "../kernels";
import { placesOf } from "./places";
import { type Plan, shapeOf, type Step } from "./plan";
import { packed } from "./weights";

const START = 1024;
/** Bytes of x that a pointwise convolution goes through for each panel of weights; the first cache holds them. */
const BLOCK = 32768;

export interface Planes {
  data: Float32Array;
  /** [1, channels, height, width] */
  dims: [number, number, number, number];
}

export class Convolutions {
  private readonly kernels: Kernels;
  private readonly memory: WebAssembly.Memory;
  private readonly offsets: number[];
  private readonly weights: number[] = [];
  private readonly zeros: number;
  private readonly patches: number;
  private readonly planes: Record<string, number>;

  /** @param file bytes of the network that the plan was made of */
  constructor(private readonly plan: Plan, file: Uint8Array) {
    const { offsets, bytes } = placesOf(plan);
    let end = START;
    const take = (wanted: number) => {
      const from = end;
      end += Math.ceil(wanted / 64) * 64;
      return from;
    };
    const tensors = take(bytes);
    this.offsets = offsets.map((one) => tensors + one);
    const weights = plan.steps.map((step) => packed(step, file, shapeOf(plan, step.from)[0]));
    for (const one of weights) this.weights.push(take(one.byteLength));
    const channels = plan.steps.map((step) => step.shape[0]);
    this.zeros = take(Math.max(...channels) * 4);
    this.patches = take(Math.max(0, ...plan.steps.map((step) => patchBytes(plan, step))));
    this.planes = Object.fromEntries(
      Object.entries(plan.cuts).map(([name, tensor]) => [name, take(count(plan, tensor) * 4)]),
    );
    ({ kernels: this.kernels, memory: this.memory } = openKernels(end));
    weights.forEach((one, index) => new Float32Array(this.memory.buffer, this.weights[index]).set(one));
  }

  /** Where the input goes: float32 [height, width, channels]. */
  get input(): Float32Array {
    return new Float32Array(this.memory.buffer, this.offsets[0], count(this.plan, 0));
  }

  /** Of the input. */
  get channels(): number {
    return this.plan.input[0];
  }

  /** Run every step on what lies in `input`; what it gives stays until the next run. */
  run(): Record<string, Planes> {
    this.plan.steps.forEach((step, index) => this.step(step, index));
    const { cuts } = this.plan;
    return Object.fromEntries(Object.entries(cuts).map(([name, tensor]) => [name, this.planesOf(name, tensor)]));
  }

  private step(step: Step, index: number): void {
    const { kernels } = this;
    const x = this.at(step.from);
    const y = this.at(index + 1);
    const w = this.weights[index] ?? 0;
    const added = step.added === null ? 0 : this.at(step.added);
    const low = step.low ?? -Infinity;
    const high = step.high ?? Infinity;
    const [inputs, height, width] = shapeOf(this.plan, step.from);
    const [outputs, outHeight, outWidth] = step.shape;
    if (step.kind === "depthwise") {
      const { stride, top, left } = step;
      kernels.depthwise(
        x, w, y, this.zeros, height, width, inputs, stride, top, left, outHeight, outWidth, low, high,
      );
    } else if (step.kind === "pointwise") {
      kernels.pointwise(x, w, y, added, height * width, inputs, outputs, block(inputs), low, high);
    } else {
      const seen = step.size * step.size * inputs;
      const bytes = outWidth * outputs * 4;
      for (let row = 0; row < outHeight; row++) {
        const first = row * step.stride - step.top;
        const { size, stride, left } = step;
        kernels.patches(x, this.patches, height, width, inputs, size, first, left, stride, outWidth);
        const more = added && added + row * bytes;
        kernels.pointwise(
          this.patches, w, y + row * bytes, more, outWidth, seen, outputs, block(seen), low, high,
        );
      }
    }
  }

  private planesOf(name: string, tensor: number): Planes {
    const [channels, height, width] = shapeOf(this.plan, tensor);
    const place = this.planes[name] ?? 0;
    this.kernels.planes(this.at(tensor), place, height * width, channels);
    const data = new Float32Array(this.memory.buffer, place, channels * height * width);
    return { data, dims: [1, channels, height, width] };
  }

  private at(tensor: number): number {
    const offset = this.offsets[tensor];
    if (offset === undefined) throw new Error(`the plan has no tensor ${tensor}`);
    return offset;
  }
}

const block = (inputs: number) => Math.max(4, Math.floor(BLOCK / (inputs * 16)) * 4);

function count(plan: Plan, tensor: number): number {
  const [channels, height, width] = shapeOf(plan, tensor);
  return channels * height * width;
}

function patchBytes(plan: Plan, step: Step): number {
  return step.kind === "dense" ? step.shape[2] * step.size * step.size * shapeOf(plan, step.from)[0] * 4 : 0;
}
