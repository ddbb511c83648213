// A bundle's self-test here: made pictures, and what Python read in them when the bundle was packed.

import type { Decision, Metadata, SelfTest } from "./contract";

/** As overread/bundle/selftest.py has them; novelty is scaled, |a - b| / (1 + |b|). */
const SCORE_TOLERANCE = 1e-5;
const NOVELTY_TOLERANCE = 1e-4;

export interface Expected {
  images: { file: string; metadata?: Metadata; scores: number[]; novelty: number; decision: Decision }[];
}

export interface Read {
  scores: readonly number[];
  novelty: number;
  decision: Decision;
}

/**
 * Compare what was read, in the rows' order, with what was expected; null: it could not be read.
 * `others` are pictures that were decoded to other pixels than in Python.
 */
export function compare(expected: Expected, read: readonly (Read | null)[], others: readonly string[] = []): SelfTest {
  let maxScoreDifference = 0;
  let maxNoveltyDifference = 0;
  let failure = others[0] ? `${others[0]}: decoded to other pixels than in Python` : "";
  expected.images.forEach((row, at) => {
    const here = read[at];
    const gaps = row.scores.map((score, index) => Math.abs(score - (here?.scores[index] ?? NaN)));
    const gap = here && gaps.length === here.scores.length ? gaps.reduce(larger, 0) : NaN;
    const drift = here ? Math.abs(here.novelty - row.novelty) / (1 + Math.abs(row.novelty)) : NaN;
    maxScoreDifference = larger(maxScoreDifference, gap);
    maxNoveltyDifference = larger(maxNoveltyDifference, drift);
    const same = gap <= SCORE_TOLERANCE && drift <= NOVELTY_TOLERANCE && here?.decision === row.decision;
    if (!same && !failure) {
      const got = here ? `'${here.decision}'` : "nothing";
      failure =
        `${row.file}: reads ${got} with scores off by ${gap.toPrecision(2)} and novelty by ${drift.toPrecision(2)}; ` +
        `expected '${row.decision}' within ${SCORE_TOLERANCE} and ${NOVELTY_TOLERANCE}`;
    }
  });
  const pictures = new Set(expected.images.map((row) => row.file)).size;
  return { passed: !failure && pictures > 0, pictures, maxScoreDifference, maxNoveltyDifference, failure };
}

/** NaN is the largest: it is no agreement. */
function larger(a: number, b: number): number {
  return Number.isNaN(a) || Number.isNaN(b) ? NaN : Math.max(a, b);
}
