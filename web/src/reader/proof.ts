// The self-test on this device: every way that is faster must give what the slow and sure one gives.

import type { Manifest } from "./bundle";
import type { Reading, Runtime, SelfTest } from "./contract";
import type { Compared, PhotoDecoder } from "./decode";
import { parseJson, type SiteFiles } from "./files";
import { tryGpu } from "./gpu";
import { tell } from "./metadata";
import type { Network, Output } from "./onnx";
import { PICTURES } from "./pictures";
import type { Pixels } from "./pixels";
import { Refusal } from "./refusal";
import { compare, type Expected, type Read } from "./selftest";
import { openWhole, type Sessions } from "./sessions";
import type { Site } from "./site";
import { decide, whyNot } from "./triage";

/** A reader that is open: what reads, and what it reads by. */
export interface Open {
  files: SiteFiles;
  site: Site;
  manifest: Manifest;
  sessions: Sessions;
  decoder: PhotoDecoder;
  runtime: Runtime;
  /** The graphics processor is still to be tried. */
  tryGpu: boolean;
}

/** Pixels of a self-test picture on which resizing is compared; on more it would only take longer. */
const MOST_COMPARED = 2 ** 18;

/** Run the self-test; a faster way that reads otherwise is left for good, and the runtime's notes say so. */
export async function prove(open: Open): Promise<SelfTest> {
  const tested = await compareAll(open, open.sessions.network);
  if (tested.passed && open.tryGpu) await useGpu(open);
  if (tested.passed || !open.sessions.planned) return tested;
  const { files, site, manifest, sessions, runtime } = open;
  const network = await openWhole(await files.checked(site, site.network), manifest.preprocess.size);
  sessions.planned?.stop();
  open.sessions = { ...sessions, network, planned: null };
  runtime.threads = 1;
  runtime.notes.push("the kernels for convolutions read otherwise here; onnxruntime reads");
  return compareAll(open, network);
}

/** Only once the other way was proven: it is what reads if the graphics processor cannot, or is lost. */
async function useGpu(open: Open): Promise<void> {
  open.tryGpu = false;
  const { files, site, manifest, sessions, runtime } = open;
  const begin = async () => {
    const { GPU_RUNTIME, openOnGpu } = await import("./webgpu");
    const program = await files.checked(site, files.pathOf(GPU_RUNTIME));
    return openOnGpu(program, await files.checked(site, site.network), manifest.preprocess.size);
  };
  const values = new Float32Array(3 * manifest.preprocess.size ** 2);
  const metadata = tell(manifest.metadata).values;
  const trial = await tryGpu(begin, sessions.network, { values, metadata }, (one) => compareAll(open, one));
  open.sessions = { ...sessions, network: trial.network };
  if (trial.gpu) runtime.backend = "webgpu";
  runtime.notes.push(trial.note);
}

async function compareAll(open: Open, network: Network): Promise<SelfTest> {
  const { files, site, manifest } = open;
  const expected = parseJson<Expected>(await files.checked(site, site.expected), site.expected);
  const read: (Read | null)[] = [];
  const others = new Set<string>();
  for (const row of expected.images) {
    try {
      const { pixels, same } = await picture(open, row.file);
      if (!same) others.add(row.file);
      const input = await preprocessedAsSaid(open, pixels);
      const output = await network.run(input, tell(manifest.metadata, row.metadata).values);
      read.push(readingOf(manifest, output));
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown;
      read.push(null);
    }
  }
  return compare(expected, read, [...others]);
}

/** A self-test picture; a JPEG as every one from here on: by the next way, where one gives other pixels. */
async function picture({ files, site, decoder, runtime }: Open, name: string): Promise<Compared> {
  const file = await files.checked(site, `${PICTURES}${name}`);
  const decoded = await decoder.decodeKnown(file, site.pixels[name]);
  runtime.decoder = decoder.kind;
  return decoded;
}

/** The network's input; from preprocess.onnx itself from here on, if any bit of it is another. */
async function preprocessedAsSaid({ sessions, runtime }: Open, pixels: Pixels): Promise<Float32Array> {
  const input = await sessions.preprocessor.run(pixels);
  if (sessions.preprocessor === sessions.graph || pixels.width * pixels.height > MOST_COMPARED) return input;
  const said = await sessions.graph.run(pixels);
  if (areSame(input, said)) return input;
  sessions.preprocessor = sessions.graph;
  runtime.notes.push("the kernels for resizing give other pixels here; onnxruntime resizes");
  return said;
}

/** What is said of an output. */
export function readingOf(manifest: Manifest, output: Output): Pick<Reading, "scores" | "decision" | "reason" | "novelty"> {
  const scores = Array.from(output.scores);
  const { novelty } = output;
  return { scores, novelty, decision: decide(scores, novelty, manifest), reason: whyNot(scores, novelty, manifest) };
}

function areSame(one: Float32Array, other: Float32Array): boolean {
  let differing = one.length === other.length ? 0 : 1;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) differing++;
  return differing === 0;
}
