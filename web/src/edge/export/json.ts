// Readings as JSON: columns named as docs/reference/readings.md names them, and what is needed to trace each.

import type { KeptReading } from "../history/kept";

type Value = string | number | boolean | null;
type Row = Record<string, Value | Record<string, Value>>;

/** One file for any number of readings. */
export function exportJson(kept: readonly KeptReading[], now: Date = new Date()): string {
  const head = { format: "overread-readings", schema_version: 1, exported_at: now.toISOString() };
  return `${JSON.stringify({ ...head, readings: kept.map(rowOf) }, null, 1)}\n`;
}

/** The row of one reading, in the order of the reference page. */
export function rowOf({ name, readAt, metadata, reading, opened, selfTest }: KeptReading): Row {
  const { manifest, site, runtime } = opened;
  const scores = manifest.classes.map((one, index) => [`score.${one}`, exact(reading.scores[index])]);
  return {
    image_id: stem(name),
    uri: name,
    ...Object.fromEntries(scores),
    decision: reading.decision,
    operating_point: reading.operatingPoint,
    novelty: exact(reading.novelty),
    bundle: reading.bundle,
    sha256: reading.sha256,
    metadata_missing: manifest.metadata.length > 0 ? reading.metadataMissing.join(", ") : null,
    reason: reading.reason,
    quality: manifest.quality ? reading.quality.join(", ") : null,
    read_at: readAt,
    width: reading.width,
    height: reading.height,
    metadata,
    site: site.digest,
    bundle_digest: site.bundle_digest,
    network: site.network,
    network_sha256: manifest.files[site.network.replace(/^bundle\//, "")] ?? null,
    overread: site.overread,
    runtime: { backend: runtime.backend, threads: runtime.threads, decoder: runtime.decoder },
    selftest: selfTest && {
      passed: selfTest.passed,
      pictures: selfTest.pictures,
      max_abs_score_difference: selfTest.maxScoreDifference,
    },
  };
}

/** The name without its ending; a name that is nothing but an ending stays. */
export function stem(name: string): string {
  return name.replace(/(?<=.)\.[^.]*$/, "");
}

// Nine digits give every float32 back exactly; what is not a number is null, as JSON knows none.
function exact(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? Number(value.toPrecision(9)) : null;
}
