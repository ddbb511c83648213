// Files → sessions → readings. It lives in a Web Worker; client.ts is the page's end.

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
import { SiteFiles } from "./files";
import { checkBytes } from "./limits";
import { labelOf, operatingLabel } from "./manifest";
import { tell } from "./metadata";
import { loadSite, type Loaded } from "./opening";
import { prove, readingOf, type Open } from "./proof";
import { qualityWarnings } from "./quality";
import { Refusal } from "./refusal";
import { openSessions } from "./sessions";
import { sha256 } from "./sha256";
import type { Site } from "./site";

const NO_MEMORY = new Refusal("too-large", "there is not enough memory for this image", "export it smaller");
const MOST_THREADS = 4; // More give nothing for one small network.

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
    this.loaded = await loadSite(this.files, options);
  }

  /** Open the runtime on what was loaded. */
  async start(options: OpenOptions = {}): Promise<Opened> {
    if (!this.loaded) throw new Error("load first");
    const { site, manifest, models, decoding, started } = this.loaded;
    this.loaded = null; // The sessions hold copies of their own.
    const isolated = self.crossOriginIsolated;
    const most = Math.min(options.threads ?? MOST_THREADS, navigator.hardwareConcurrency || 1);
    const count = isolated ? Math.max(1, most) : 1;
    const runtime: Runtime = { backend: "wasm", threads: count, isolated, decoder: "codec", openedMs: 0, notes: [] };
    const alone = (note: string) => {
      runtime.threads = 1;
      runtime.notes.push(note);
    };
    const [sessions, decoder] = await Promise.all([openSessions(models, { count, alone }), decoding]);
    decoder.notes.push(...runtime.notes); // more may come while it reads
    Object.assign(runtime, { decoder: decoder.kind, openedMs: performance.now() - started, notes: decoder.notes });
    const tryGpu = (options.gpu ?? false) && shipsGpu(site);
    this.opened = { files: this.files, site, manifest, sessions, decoder, runtime, tryGpu };
    return { site, manifest, runtime };
  }

  selfTest(): Promise<SelfTest> {
    return this.queued(async () => {
      const open = this.isOpen();
      return { ...(await prove(open)), runtime: open.runtime };
    });
  }

  read(file: Blob, options: ReadOptions = {}): Promise<Reading | Retake | Rejected> {
    return this.queued(async () => {
      try {
        return await this.readOne(this.isOpen(), file, options);
      } catch (thrown) {
        const refusal = thrown instanceof RangeError ? NO_MEMORY : thrown; // what a failed allocation throws
        if (refusal instanceof Refusal) return { kind: "rejected", reason: refusal.reason, detail: refusal.message };
        throw thrown;
      }
    });
  }

  private async readOne(open: Open, file: Blob, options: ReadOptions): Promise<Reading | Retake> {
    const { manifest, sessions, decoder } = open;
    const told = tell(manifest.metadata, options.metadata);
    const begun = performance.now();
    checkBytes(file.size);
    const bytes = new Uint8Array(await file.arrayBuffer());
    const digest = sha256(bytes); // on a thread of the browser's
    digest.catch(() => undefined); // It is said below, if the file is read at all.
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
      sha256: await digest,
      metadataMissing: told.missing,
      quality,
      width,
      height,
      saliency: output.saliency,
      timing: { decodeMs: decoded - begun, preprocessMs: preprocessed - decoded, networkMs: done - preprocessed },
    };
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

/** A site has the runtime for graphics processors only if asked for it; some browsers let no worker use one. */
function shipsGpu(site: Site): boolean {
  return "gpu" in navigator && site.files.some((one) => one.path.startsWith("assets/webgpu/"));
}
