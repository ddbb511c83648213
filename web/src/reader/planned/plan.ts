// What network.plan.json says: the convolutions that a network begins with, as our kernels take them.
// `overread edge` writes it (overread/edge/plan.py holds the other half of this contract).

export interface StoredWeight {
  /** Of the first byte in the network's file. */
  offset: number;
  stored: "float32" | "float16" | "int8" | "int16";
  /** Integers only: of the scales, float32, one an output channel. */
  scales: number | null;
}

export interface Step {
  kind: "pointwise" | "depthwise" | "dense";
  /** A tensor: 0 is the input, step i makes i + 1. */
  from: number;
  /** A tensor that is added to what the convolution gives. */
  added: number | null;
  /** Of what it makes: [channels, height, width]. */
  shape: [number, number, number];
  size: number;
  stride: number;
  top: number;
  left: number;
  weight: StoredWeight;
  /** Offset of float32 biases in the network's file. */
  bias: number | null;
  low: number | null;
  high: number | null;
}

export interface Plan {
  schema_version: 1;
  /** [channels, height, width] of tensor 0. */
  input: [number, number, number];
  steps: Step[];
  /** The rest's input → the tensor that it takes. */
  cuts: Record<string, number>;
  /** Places of the rest's file that hold zeros: from which byte on, from which of the network's file, how many. */
  filled: [number, number, number][];
}

/** The rest's file, with the weights that lie in the network's only. */
export function filledRest(plan: Plan, network: Uint8Array, rest: Uint8Array): Uint8Array {
  const whole = rest.slice();
  for (const [to, from, count] of plan.filled) whole.set(network.subarray(from, from + count), to);
  return whole;
}

export const shapeOf = (plan: Plan, tensor: number): [number, number, number] => {
  const shape = tensor === 0 ? plan.input : plan.steps[tensor - 1]?.shape;
  if (!shape) throw new Error(`the plan has no tensor ${tensor}`);
  return shape;
};

/** Of a tensor, float32. */
export const bytesOf = (plan: Plan, tensor: number): number => shapeOf(plan, tensor).reduce((a, b) => a * b, 4);
