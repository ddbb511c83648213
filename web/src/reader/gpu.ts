// Whether the graphics processor is worth it on this device: only if it is faster, and reads as it must.

import type { SelfTest } from "./contract";
import type { Network } from "./onnx";
import { reasonOf } from "./problem";

const RUNS = 3;

export interface Trial {
  /** The one that reads from here on. */
  network: Network;
  gpu: boolean;
  note: string;
}

/** `test` reads the self-test with a network; `input` is any input of the network. */
export async function tryGpu(
  open: () => Promise<Network>,
  here: Network,
  input: { values: Float32Array; metadata: Float32Array },
  test: (network: Network) => Promise<SelfTest>,
): Promise<Trial> {
  const stay = (note: string): Trial => ({ network: here, gpu: false, note });
  try {
    const there = await open();
    const [slow, fast] = [await fastest(here, input), await fastest(there, input)];
    const told = `${fast.toFixed(0)} ms an image against ${slow.toFixed(0)}`;
    if (!(fast < slow)) return stay(`the graphics processor is not faster here: ${told}`);
    const tested = await test(there);
    if (!tested.passed) return stay(`the graphics processor reads otherwise here: ${tested.failure}`);
    return { network: steady(there, here), gpu: true, note: `the graphics processor reads: ${told}` };
  } catch (thrown) {
    return stay(`the graphics processor cannot be used here (${reasonOf(thrown)})`);
  }
}

/** Milliseconds of the quickest of three runs, after one that builds what it needs. */
async function fastest(network: Network, { values, metadata }: { values: Float32Array; metadata: Float32Array }): Promise<number> {
  await network.run(values, metadata);
  let least = Infinity;
  for (let run = 0; run < RUNS; run++) {
    const begun = performance.now();
    await network.run(values, metadata);
    least = Math.min(least, performance.now() - begun);
  }
  return least;
}

/** A graphics processor may be lost at any time (a phone that sleeps): then the other reads on. */
export function steady(fast: Network, safe: Network): Network {
  let lost = false;
  const run: Network["run"] = async (input, metadata) => {
    if (!lost) {
      try {
        return await fast.run(input, metadata);
      } catch {
        lost = true;
      }
    }
    return safe.run(input, metadata);
  };
  return { run };
}
