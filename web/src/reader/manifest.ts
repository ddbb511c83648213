// Which thresholds decide, and what the small network changes of a manifest (overread/bundle/manifest.py, small.py).

import type { Manifest, OperatingPoint } from "./bundle";
import { nineDigits } from "./digits";
import { problem } from "./problem";

export type Deciding = Pick<Manifest, "task" | "classes" | "operating_points" | "triage">;

/** The manifest as network.small.onnx reads by it. */
export function forSmall(manifest: Manifest): Manifest {
  const small = manifest.small;
  if (!small) throw problem("changed-file", "bundle/bundle.json", "the bundle has no small network");
  return {
    ...manifest,
    version: `${manifest.version}+small`,
    operating_points: small.operating_points,
    triage: { ...manifest.triage, novelty_threshold: small.novelty_threshold },
  };
}

export function labelOf(manifest: Pick<Manifest, "name" | "version">): string {
  return `${manifest.name}@${manifest.version}`;
}

/** One an urgent class, or one for their sum (multiclass): the first of each. */
export function decidingPoints(manifest: Deciding): OperatingPoint[] {
  const { urgent } = manifest.triage;
  if (!urgent.length) return [];
  return (manifest.task === "multiclass" ? [""] : urgent).map((name) => {
    const point = manifest.operating_points.find((one) => one.class_name === name);
    if (!point) throw new Error(`operating_points: none for the urgent class '${name}'`);
    return point;
  });
}

/** The deciding points in words: "high-sensitivity: malignant >= 0.131". */
export function operatingLabel(manifest: Deciding): string {
  const urgent = manifest.triage.urgent.join(" + ");
  return decidingPoints(manifest)
    .map((point) => `${point.name}: ${point.class_name || urgent} >= ${nineDigits(point.threshold)}`)
    .join("; ");
}
