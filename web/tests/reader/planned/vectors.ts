// Made networks, their plans, and what Python's replay gives for `given` (tests/edge/test_plan.py writes the vectors).

import type { Plan } from "../../../src/reader/planned/plan";
import vectors from "./vectors.json";

const bytesOf = (base64: string) => Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));

export const cases = vectors.map(({ plan, network, rest, wanted }) => ({
  plan: plan as unknown as Plan,
  network: bytesOf(network),
  rest: bytesOf(rest),
  wanted: wanted as Record<string, number[]>,
}));

/** float32 [channels, height, width] */
export function given(plan: Plan): Float32Array {
  const [channels, height, width] = plan.input;
  return Float32Array.from({ length: channels * height * width }, (_, at) => ((at * 7) % 23) / 8 - 1);
}
