// What the page and the reader in its Web Worker say to each other (over Comlink).

import type { Manifest } from "./bundle";
import type { WayName } from "./jpeg/way";
import type { Site } from "./site";

export type Decision = "urgent" | "routine" | "cannot-assess";
export type Reason = "novel" | "undecided";
/** Why a photograph should be taken again. */
export type QualityWarning = "small" | "dark" | "bright" | "blurred";
/** Reject reasons are those of docs/reference/rejects.md. */
export type DecodeReason = "empty" | "not-an-image" | "unsupported" | "truncated" | "damaged" | "too-large";

/** Fields of the bundle's metadata by name; one that is not named is unknown. */
export type Metadata = Record<string, number | string>;

export interface OpenOptions {
  /** At most so many threads; 1 where the page is not isolated. */
  threads?: number;
  /** "auto": the fastest way to decode JPEG that gives Python's pixels of the self-test. */
  decoder?: "auto" | WayName;
  /** Try WebGPU, and keep it only where it is faster and passes the self-test. */
  gpu?: boolean;
}

export interface Runtime {
  backend: "wasm" | "webgpu";
  threads: number;
  isolated: boolean;
  /** The planes of the browser's decoder (WebCodecs), its picture, or the codec that the site brings. */
  decoder: WayName;
  /** Milliseconds from the first byte asked for to the first image that could be read. */
  openedMs: number;
  /** Why a faster way was not taken, in a sentence for the technical details. */
  notes: string[];
}

export interface Opened {
  manifest: Manifest;
  site: Site;
  runtime: Runtime;
}

export interface SelfTest {
  passed: boolean;
  pictures: number;
  maxScoreDifference: number;
  maxNoveltyDifference: number;
  /** The picture that differs, and by how much; empty where it passed. */
  failure: string;
  /** What reads from here on: a faster way that read otherwise was left. */
  runtime?: Runtime;
}

export interface Saliency {
  /** Logits, one map a class: float32 [classes, height, width]. */
  values: Float32Array;
  classes: number;
  height: number;
  width: number;
}

export interface Timing {
  decodeMs: number;
  preprocessMs: number;
  networkMs: number;
}

export interface Reading {
  kind: "reading";
  /** Calibrated, float32, in the order of `manifest.classes`. */
  scores: number[];
  decision: Decision;
  reason: Reason | null;
  /** The thresholds that decided, as Python writes them: "high-sensitivity: malignant >= 0.131". */
  operatingPoint: string;
  novelty: number;
  /** name@version, with +small for the small network. */
  bundle: string;
  /** Of the encoded file. */
  sha256: string;
  metadataMissing: string[];
  quality: QualityWarning[];
  width: number;
  height: number;
  saliency: Saliency;
  timing: Timing;
}

/** The photograph is not worth reading; `read` with `anyway` reads it all the same. */
export interface Retake {
  kind: "retake";
  quality: QualityWarning[];
  width: number;
  height: number;
}

export interface Rejected {
  kind: "rejected";
  reason: DecodeReason;
  /** English, as Python says it; pages translate by `reason`. */
  detail: string;
}

export interface ReadOptions {
  metadata?: Metadata;
  /** Read even where the quality gate would ask for another photograph. */
  anyway?: boolean;
}

export type Problem =
  | "changed-file" // a file is not the one that the site was made of
  | "missing-file" // not reachable and not kept
  | "no-runtime" // this browser cannot run it
  | "time-out" // the session did not open in time
  | "self-test"; // it reads otherwise here than where it was made

/** Thrown by the worker as a plain object, as errors lose their class on the way between threads. */
export interface ReaderProblem {
  problem: Problem;
  /** The file or picture. */
  where: string;
  detail: string;
}

/** What the worker exposes. Calls are answered one after the other. */
export interface ReaderApi {
  /** Fetch and check the files, open the runtime. Throws ReaderProblem. */
  open(options?: OpenOptions): Promise<Opened>;
  /** Read the self-test's pictures. Does not throw for a difference. */
  selfTest(): Promise<SelfTest>;
  read(file: Blob, options?: ReadOptions): Promise<Reading | Retake | Rejected>;
}
