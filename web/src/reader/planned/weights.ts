// Weights from the network's file into the order in which the kernels read them.

import type { Step, StoredWeight } from "./plan";

/** @returns float32 in the file's order: [outputs, inputs, size, size] */
export function storedWeights(file: Uint8Array, weight: StoredWeight, count: number, outputs: number): Float32Array {
  if (weight.stored === "float32") return floats(file, weight.offset, count);
  const values = new Float32Array(count);
  if (weight.stored === "float16") {
    widen(new Uint16Array(cut(file, weight.offset, count * 2)), values);
    return values;
  }
  const short = weight.stored === "int16";
  const bytes = cut(file, weight.offset, short ? count * 2 : count);
  const levels = short ? new Int16Array(bytes) : new Int8Array(bytes);
  const scales = floats(file, weight.scales ?? 0, outputs);
  const each = count / outputs;
  // Float32Array rounds each product once, as onnxruntime does.
  for (let at = 0; at < count; at++) values[at] = (levels[at] ?? 0) * (scales[Math.trunc(at / each)] ?? 0);
  return values;
}

export function floats(file: Uint8Array, offset: number, count: number): Float32Array {
  return new Float32Array(cut(file, offset, count * 4));
}

/** A step's weights and biases, packed for its kernel. */
export function packed(step: Step, file: Uint8Array, inputs: number): Float32Array {
  const outputs = step.shape[0];
  const area = step.size * step.size;
  const each = step.kind === "depthwise" ? area : area * inputs;
  const weights = storedWeights(file, step.weight, outputs * each, outputs);
  const biases = step.bias === null ? new Float32Array(outputs) : floats(file, step.bias, outputs);
  const lanes = step.kind === "depthwise" ? 4 : 8;
  const order = step.kind === "dense" ? channelsLast(inputs, area) : Array.from({ length: each }, (_, at) => at);
  const values = new Float32Array(outputs * (each + 1));
  let to = 0;
  for (let first = 0; first < outputs; first += lanes) {
    for (let lane = 0; lane < lanes; lane++) values[to++] = biases[first + lane] ?? 0;
    for (const at of order) {
      for (let lane = 0; lane < lanes; lane++) values[to++] = weights[(first + lane) * each + at] ?? 0;
    }
  }
  return values;
}

/** Patches come place by place, the file's weights channel by channel. */
function channelsLast(inputs: number, area: number): number[] {
  const order: number[] = [];
  for (let place = 0; place < area; place++) {
    for (let channel = 0; channel < inputs; channel++) order.push(channel * area + place);
  }
  return order;
}

/** A copy, as an offset in the file need not be a multiple of the number's size. */
function cut(file: Uint8Array, offset: number, bytes: number): ArrayBuffer {
  if (offset < 0 || offset + bytes > file.length) throw new Error("the plan does not fit the network");
  return file.slice(offset, offset + bytes).buffer;
}

/** IEEE 754's 16 bits to 32; a normal number keeps its bits, moved. */
export function widen(halves: Uint16Array, values: Float32Array): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let at = 0; at < halves.length; at++) {
    const half = halves[at] ?? 0;
    const exponent = half & 0x7c00;
    const sign = (half & 0x8000) << 16;
    const rest = half & 0x3ff;
    if (exponent === 0) values[at] = (sign ? -1 : 1) * rest * 2 ** -24;
    else if (exponent === 0x7c00) bits[at] = sign | 0x7f800000 | (rest << 13);
    else bits[at] = sign | (((exponent << 13) | (rest << 13)) + 0x38000000);
  }
}
