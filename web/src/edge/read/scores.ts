// A reading's scores as rows to show: the ones that can make it urgent are told apart, with their thresholds.

import type { Opened, Reading } from "../../reader/contract";
import { decidingPoints } from "./meaning";

export interface ScoreRow {
  /** Several for the sum that decides of a multiclass reader. */
  names: readonly string[];
  score: number;
  /** Null: this score decides nothing by itself. */
  threshold: number | null;
  urgent: boolean;
}

export interface ScoreTable {
  /** What is held against a threshold, first. */
  deciding: ScoreRow[];
  /** The others, the highest score first. */
  others: ScoreRow[];
}

/** Digits of a percentage with which a score does not look like the threshold that it is not at. */
export function digitsOf({ score, threshold }: Pick<ScoreRow, "score" | "threshold">): number {
  if (threshold === null || score === threshold) return 1;
  const digits = [1, 2, 3, 4, 5, 6].find(
    (one) => (100 * score).toFixed(one) !== (100 * threshold).toFixed(one),
  );
  return digits ?? 7;
}

export function scoreTable(
  reading: Pick<Reading, "scores">,
  opened: Pick<Opened, "manifest" | "site">,
): ScoreTable {
  const { classes, task, triage } = opened.manifest;
  const scoreOf = (name: string) => reading.scores[classes.indexOf(name)] ?? NaN;
  const deciding = decidingPoints(opened).map((point): ScoreRow => {
    const names = point.class_name ? [point.class_name] : triage.urgent;
    const score = names.reduce((sum, name) => sum + scoreOf(name), 0);
    return { names, score, threshold: point.threshold, urgent: true };
  });
  // Where one class is its own sum, it stands above already.
  const shown = new Set(deciding.flatMap((row) => (row.names.length === 1 ? row.names : [])));
  const others = classes
    .filter((name) => !shown.has(name))
    .map((name): ScoreRow => ({
      names: [name],
      score: scoreOf(name),
      threshold: null,
      urgent: task === "multiclass" && triage.urgent.includes(name),
    }));
  others.sort((a, b) => b.score - a.score);
  return { deciding, others };
}

/** The class whose map is shown first: the urgent one with the highest score, else the highest of all. */
export function firstClass(reading: Pick<Reading, "scores">, opened: Pick<Opened, "manifest">): number {
  const { classes, triage } = opened.manifest;
  const among = triage.urgent.length > 0 ? triage.urgent : classes;
  const score = (name: string) => reading.scores[classes.indexOf(name)] ?? -1;
  const best = among.reduce((a, b) => (score(b) > score(a) ? b : a), among[0] ?? "");
  return Math.max(0, classes.indexOf(best));
}
