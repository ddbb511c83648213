// Files → sessions → readings. It lives in a Web Worker; client.ts is the page's end.

import type { Manifest } from "./bundle";
import type {
  Opened,
  OpenOptions,
  Reading,
  ReaderApi,
  ReadOptions,
  Rejected,
  Retake,
  Runtime,
  SelfTest,
} from "./contract";
import { PhotoDecoder } from "./decode";
import { checked, parseJson, parseSite, SiteFiles, type Bytes } from "./files";
import { CODEC } from "./jpeg/codec";
import { tryGpu } from "./gpu";
import { forSmall, labelOf, operatingLabel } from "./manifest";
import { tell } from "./metadata";
import type { Pixels } from "./pixels";
import type { Plan } from "./planned/plan";
import type { Network, Output } from "./onnx";
import { problem } from "./problem";
import { qualityWarnings } from "./quality";
import { Refusal } from "./refusal";
import { compare, type Expected, type Read } from "./selftest";
import { openSessions, openWhole, RUNTIME, type Models, type Sessions } from "./sessions";
import { sha256 } from "./sha256";
import type { Site } from "./site";
import { decide, whyNot } from "./triage";

const MANIFEST = "bundle/bundle.json";
const PREPROCESS = "bundle/preprocess.onnx";
const PICTURES = "bundle/selftest/";
const OTHER_PIXELS = "the browser decodes JPEG to other pixels here; the site's own codec decodes";
const MOST_THREADS = 4; // More give nothing for one small network.

interface Loaded {
  site: Site;
  manifest: Manifest;
  models: Models;
  decoding: Promise<Decoding>;
  started: number;
}

/** Who decodes JPEG, and why not the browser. */
interface Decoding {
  decoder: PhotoDecoder;
  note: string;
}

interface Open {
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

export class Reader implements ReaderApi {
  private readonly files = new SiteFiles(new URL("../", self.location.href)); // the worker lies in assets/
  private loaded: Loaded | null = null;
  private opened: Open | null = null;
  private last: Promise<unknown> = Promise.resolve();

  async open(options: OpenOptions = {}): Promise<Opened> {
    await this.load(options);
    return this.start(options);
  }

  /** Fetch and check everything that reading needs. */
  async load(options: OpenOptions = {}): Promise<void> {
    const started = performance.now();
    const { files } = this;
    const runtimePath = files.pathOf(RUNTIME);
    // All at once: what they are checked against may come last.
    const [siteBytes, said, preprocess, runtime] = ["site.json", MANIFEST, PREPROCESS, runtimePath].map((path) => {
      const content = files.fetch(path);
      content.catch(() => undefined); // It is said below, when its turn comes.
      return content;
    }) as [Promise<Bytes>, Promise<Bytes>, Promise<Bytes>, Promise<Bytes>];
    const site = await parseSite(await siteBytes);
    const network = checked(site, site.network, files.fetch(site.network));
    network.catch(() => undefined);
    const planned = this.planned(site);
    planned.catch(() => undefined);
    const decoding = this.chooseDecoder(site, options.decoder ?? "auto");
    decoding.catch(() => undefined);
    const manifestBytes = await checked(site, MANIFEST, said);
    if ((await sha256(manifestBytes)) !== site.bundle_digest) {
      throw problem("changed-file", MANIFEST, "it is not the bundle that the site was made of");
    }
    const whole = parseJson<Manifest>(manifestBytes, MANIFEST);
    const manifest = site.small ? forSmall(whole) : whole;
    const models: Models = {
      preprocess: await checked(site, PREPROCESS, preprocess),
      runtime: await checked(site, runtimePath, runtime),
      network: await network,
      planned: await planned,
      spec: manifest.preprocess,
    };
    for (const path of [PREPROCESS, site.network]) {
      const listed = site.files.find((one) => one.path === path)?.sha256;
      if (whole.files[path.replace("bundle/", "")] !== listed) {
        throw problem("changed-file", path, "its content is not the one that the bundle was packed with");
      }
    }
    this.loaded = { site, manifest, models, decoding, started };
  }

  /** Open the runtime on what was loaded. */
  async start(options: OpenOptions = {}): Promise<Opened> {
    if (!this.loaded) throw new Error("load first");
    const { site, manifest, models, decoding, started } = this.loaded;
    this.loaded = null; // The sessions hold copies of their own.
    const isolated = self.crossOriginIsolated;
    const most = Math.min(options.threads ?? MOST_THREADS, navigator.hardwareConcurrency || 1);
    const threads = isolated ? Math.max(1, most) : 1;
    const [sessions, { decoder, note }] = await Promise.all([openSessions(models, threads), decoding]);
    const runtime: Runtime = {
      backend: "wasm",
      threads,
      isolated,
      decoder: decoder.kind,
      openedMs: performance.now() - started,
      notes: note ? [note] : [],
    };
    this.opened = { site, manifest, sessions, decoder, runtime, tryGpu: (options.gpu ?? false) && shipsGpu(site) };
    return { site, manifest, runtime };
  }

  selfTest(): Promise<SelfTest> {
    return this.queued(async () => {
      const open = this.isOpen();
      return { ...(await this.test(open)), runtime: open.runtime };
    });
  }

  read(file: Blob, options: ReadOptions = {}): Promise<Reading | Retake | Rejected> {
    return this.queued(async () => {
      try {
        return await this.readOne(this.isOpen(), file, options);
      } catch (thrown) {
        if (thrown instanceof Refusal) return { kind: "rejected", reason: thrown.reason, detail: thrown.message };
        throw thrown;
      }
    });
  }

  private async planned(site: Site): Promise<Models["planned"]> {
    const { plan, rest } = site;
    if (!plan || !rest) return null;
    const [planBytes, restBytes] = await Promise.all([plan, rest].map((path) => this.fetchChecked(site, path)));
    return planBytes && restBytes ? { plan: parseJson<Plan>(planBytes, plan), rest: restBytes } : null;
  }

  private async readOne(open: Open, file: Blob, options: ReadOptions): Promise<Reading | Retake> {
    const { manifest, sessions, decoder } = open;
    const told = tell(manifest.metadata, options.metadata);
    const begun = performance.now();
    const bytes = new Uint8Array(await file.arrayBuffer());
    const pixels = await decoder.decode(bytes);
    const { width, height } = pixels;
    const decoded = performance.now();
    const input = await sessions.preprocessor.run(pixels);
    const preprocessed = performance.now();
    const quality = qualityWarnings(manifest, input, width, height);
    if (quality.length && !options.anyway) return { kind: "retake", quality, width, height };
    const output = await sessions.network.run(input, told.values);
    const done = performance.now();
    return {
      kind: "reading",
      ...readingOf(manifest, output),
      operatingPoint: operatingLabel(manifest),
      bundle: labelOf(manifest),
      sha256: await sha256(bytes),
      metadataMissing: told.missing,
      quality,
      width,
      height,
      saliency: output.saliency,
      timing: { decodeMs: decoded - begun, preprocessMs: preprocessed - decoded, networkMs: done - preprocessed },
    };
  }

  private async test(open: Open): Promise<SelfTest> {
    const tested = await this.compareAll(open, open.sessions.network);
    if (tested.passed && open.tryGpu) await this.useGpu(open);
    if (tested.passed || !open.sessions.planned) return tested;
    const { site, manifest, sessions, runtime } = open;
    const network = await openWhole(await this.fetchChecked(site, site.network), manifest.preprocess.size);
    open.sessions = { ...sessions, network, planned: false };
    runtime.notes.push("the kernels for convolutions read otherwise here; onnxruntime reads");
    return this.compareAll(open, network);
  }

  /** Only once the other way was proven: it is what reads if the graphics processor cannot, or is lost. */
  private async useGpu(open: Open): Promise<void> {
    open.tryGpu = false;
    const { site, manifest, sessions, runtime } = open;
    const begin = async () => {
      const { GPU_RUNTIME, openOnGpu } = await import("./webgpu");
      const program = await this.fetchChecked(site, this.files.pathOf(GPU_RUNTIME));
      return openOnGpu(program, await this.fetchChecked(site, site.network), manifest.preprocess.size);
    };
    const values = new Float32Array(3 * manifest.preprocess.size ** 2);
    const metadata = tell(manifest.metadata).values;
    const trial = await tryGpu(begin, sessions.network, { values, metadata }, (one) => this.compareAll(open, one));
    open.sessions = { ...sessions, network: trial.network };
    if (trial.gpu) runtime.backend = "webgpu";
    runtime.notes.push(trial.note);
  }

  private async compareAll(open: Open, network: Network): Promise<SelfTest> {
    const { site, manifest } = open;
    const expected = parseJson<Expected>(await this.fetchChecked(site, site.expected), site.expected);
    const read: (Read | null)[] = [];
    const others = new Set<string>();
    for (const row of expected.images) {
      try {
        const { pixels, same } = await this.picture(open, row.file);
        if (!same) others.add(row.file);
        const input = await this.preprocessedAsSaid(open, pixels);
        const output = await network.run(input, tell(manifest.metadata, row.metadata).values);
        read.push(readingOf(manifest, output));
      } catch (thrown) {
        if (!(thrown instanceof Refusal)) throw thrown;
        read.push(null);
      }
    }
    return compare(expected, read, [...others]);
  }

  /** A self-test picture, decoded as every JPEG is from here on: by the codec if the browser gives other pixels. */
  private async picture({ site, decoder, runtime }: Open, name: string): Promise<{ pixels: Pixels; same: boolean }> {
    const file = await this.fetchChecked(site, `${PICTURES}${name}`);
    const isSame = async ({ data }: Pixels) => (await sha256(data)) === site.pixels[name];
    const pixels = await decoder.decode(file);
    if (await isSame(pixels)) return { pixels, same: true };
    if (decoder.kind !== "browser" || !isJpeg(name)) return { pixels, same: false };
    decoder.kind = runtime.decoder = "codec";
    runtime.notes.push(OTHER_PIXELS);
    const again = await decoder.decode(file);
    return { pixels: again, same: await isSame(again) };
  }

  private async chooseDecoder(site: Site, wanted: "auto" | "browser" | "codec"): Promise<Decoding> {
    const program = () => this.fetchChecked(site, this.files.pathOf(CODEC));
    if (wanted !== "auto") return { decoder: new PhotoDecoder(wanted, program), note: "" };
    if (typeof OffscreenCanvas === "undefined") {
      return { decoder: new PhotoDecoder("codec", program), note: "this browser draws nothing in a worker" };
    }
    const decoder = new PhotoDecoder("browser", program);
    for (const name of quickPictures(site)) {
      const pixels = await decoder.decode(await this.fetchChecked(site, `${PICTURES}${name}`));
      if ((await sha256(pixels.data)) === site.pixels[name]) continue;
      decoder.kind = "codec";
      return { decoder, note: OTHER_PIXELS };
    }
    return { decoder, note: "" };
  }

  /** The network's input; from preprocess.onnx itself from here on, if any bit of it is another. */
  private async preprocessedAsSaid({ sessions, runtime }: Open, pixels: Pixels): Promise<Float32Array> {
    const input = await sessions.preprocessor.run(pixels);
    if (sessions.preprocessor === sessions.graph || pixels.width * pixels.height > MOST_COMPARED) return input;
    const said = await sessions.graph.run(pixels);
    if (areSame(input, said)) return input;
    sessions.preprocessor = sessions.graph;
    runtime.notes.push("the kernels for resizing give other pixels here; onnxruntime resizes");
    return said;
  }

  private async fetchChecked(site: Site, path: string): Promise<Bytes> {
    return checked(site, path, this.files.fetch(path));
  }

  private isOpen(): Open {
    if (!this.opened) throw new Error("open first");
    return this.opened;
  }

  /** One after the other: one photograph in memory at a time. */
  private queued<T>(work: () => Promise<T>): Promise<T> {
    const next = this.last.then(work);
    this.last = next.catch(() => undefined);
    return next;
  }
}

/** The self-test's JPEGs but the largest, whose turn comes with the self-test itself. */
function quickPictures(site: Site): string[] {
  const bytes = new Map(site.files.map((one) => [one.path, one.bytes]));
  const size = (name: string) => bytes.get(PICTURES + name) ?? 0;
  return Object.keys(site.pixels).filter(isJpeg).sort((a, b) => size(a) - size(b)).slice(0, -1);
}

/** A site has the runtime for graphics processors only if asked for it; some browsers let no worker use one. */
function shipsGpu(site: Site): boolean {
  return "gpu" in navigator && site.files.some((one) => one.path.startsWith("assets/webgpu/"));
}

function isJpeg(name: string): boolean {
  return name.endsWith(".jpg");
}

function readingOf(manifest: Manifest, output: Output): Pick<Reading, "scores" | "decision" | "reason" | "novelty"> {
  const scores = Array.from(output.scores);
  const { novelty } = output;
  return { scores, novelty, decision: decide(scores, novelty, manifest), reason: whyNot(scores, novelty, manifest) };
}

function areSame(one: Float32Array, other: Float32Array): boolean {
  let differing = one.length === other.length ? 0 : 1;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) differing++;
  return differing === 0;
}
