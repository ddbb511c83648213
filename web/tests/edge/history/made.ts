// A kept reading for tests: made up, and whole.

import type { KeptReading } from "../../../src/edge/history/kept";
import type { Manifest } from "../../../src/reader/bundle";
import type { Opened, Reading } from "../../../src/reader/contract";

const POINT = {
  name: "high-sensitivity",
  class_name: "malignant",
  threshold: 0.4,
  rule: "sensitivity >= 0.95 on tune",
  sensitivity: 0.96,
  specificity: 0.5,
  positives: 50,
  negatives: 200,
};

export function madeOpened(changes: Partial<Manifest> = {}): Opened {
  return {
    manifest: {
      schema_version: 3,
      name: "skin",
      version: "1.0.0",
      task: "binary",
      classes: ["malignant"],
      modality: "dermoscopy",
      preprocess: { size: 24, resize: "squash", interpolation: "bilinear", mean: [0, 0, 0], std: [1, 1, 1] },
      operating_points: [POINT],
      triage: { urgent: ["malignant"], novelty_threshold: 5, conformal: null },
      metadata: [],
      small: null,
      quality: null,
      intended_use: "A second look at dermoscopy photographs.",
      limits: ["Not for children."],
      provenance: {},
      files: { "network.onnx": "a".repeat(64) },
      seal: "",
      ...changes,
    },
    site: {
      schema_version: 1,
      overread: "0.1.0",
      bundle: "skin@1.0.0",
      bundle_digest: "b".repeat(64),
      digest: "c".repeat(64),
      network: "bundle/network.onnx",
      small: false,
      plan: null,
      rest: null,
      expected: "bundle/selftest/expected.json",
      pixels: {},
      figures: {},
      files: [],
    } as Opened["site"],
    runtime: { backend: "wasm", threads: 2, isolated: true, decoder: "browser", openedMs: 1, notes: [] },
  };
}

export function madeReading(changes: Partial<Reading> = {}): Reading {
  return {
    kind: "reading",
    scores: [Math.fround(0.7)],
    decision: "urgent",
    reason: null,
    operatingPoint: "high-sensitivity: malignant >= 0.4",
    novelty: Math.fround(1.25),
    bundle: "skin@1.0.0",
    sha256: "d".repeat(64),
    metadataMissing: [],
    quality: [],
    width: 600,
    height: 450,
    saliency: { values: new Float32Array(49), classes: 1, height: 7, width: 7 },
    timing: { decodeMs: 1, preprocessMs: 1, networkMs: 1 },
    ...changes,
  };
}

export function madeKept(changes: Partial<KeptReading> = {}): KeptReading {
  return {
    id: "1",
    readAt: "2026-11-21T10:00:00.000Z",
    name: "Muttermal.jpg",
    metadata: {},
    reading: madeReading(),
    thumbnail: new Blob(),
    opened: madeOpened(),
    selfTest: { passed: true, pictures: 8, maxScoreDifference: 2e-7, maxNoveltyDifference: 1e-6, failure: "" },
    ...changes,
  };
}
