// From scores and novelty to one of three decisions: overread/bundle/triage.py, bit for bit.

import type { ConformalRule, Task } from "./bundle";
import type { Decision, Reason } from "./contract";
import { decidingPoints, type Deciding } from "./manifest";

export function decide(scores: readonly number[], novelty: number, manifest: Deciding): Decision {
  if (scores.length !== manifest.classes.length) {
    throw new Error(`expected ${manifest.classes.length} scores, got ${scores.length}`);
  }
  if (!known(scores, novelty, manifest)) return "cannot-assess";
  const rule = manifest.triage.conformal;
  if (rule) return answer(scores, rule, manifest);
  return called(scores, manifest).includes(true) ? "urgent" : "routine";
}

/** Why an image cannot be assessed; null: it can. */
export function whyNot(scores: readonly number[], novelty: number, manifest: Deciding): Reason | null {
  if (decide(scores, novelty, manifest) !== "cannot-assess") return null;
  return known(scores, novelty, manifest) ? "undecided" : "novel";
}

function known(scores: readonly number[], novelty: number, manifest: Deciding): boolean {
  // NaN compares false: nothing known, no reading.
  return novelty <= manifest.triage.novelty_threshold && scores.every(Number.isFinite);
}

/** Whether each deciding point is reached. */
function called(scores: readonly number[], manifest: Deciding): boolean[] {
  return decidingPoints(manifest).map((point) => {
    const names = point.class_name ? [point.class_name] : manifest.triage.urgent;
    let total = 0; // One after the other, as Python adds them.
    for (const name of names) total += scores[manifest.classes.indexOf(name)] ?? NaN;
    return total >= point.threshold;
  });
}

/** Multiclass one a class; else two a finding, its absence and its presence. */
function possibleClasses(scores: readonly number[], rule: ConformalRule, task: Task): boolean[] {
  const values = task === "multiclass" ? scores : scores.flatMap((score) => [1 - score, score]);
  if (values.length !== rule.lowest.length) {
    throw new Error(`expected ${values.length} thresholds of a conformal rule, got ${rule.lowest.length}`);
  }
  return values.map((value, at) => value >= (rule.lowest[at] ?? -Infinity));
}

function answer(scores: readonly number[], rule: ConformalRule, manifest: Deciding): Decision {
  const { urgent } = manifest.triage;
  const possible = possibleClasses(scores, rule, manifest.task);
  const reached = called(scores, manifest);
  if (manifest.task === "multiclass") {
    const some = possible.some((one, at) => one && urgent.includes(manifest.classes[at] ?? ""));
    const others = possible.some((one, at) => one && !urgent.includes(manifest.classes[at] ?? ""));
    const over = reached.includes(true);
    if (over && some && !others) return "urgent";
    return !over && others && !some ? "routine" : "cannot-assess";
  }
  const findings = urgent.map((name, at) => {
    const column = 2 * manifest.classes.indexOf(name);
    return { over: reached[at] ?? false, absent: possible[column] ?? false, present: possible[column + 1] ?? false };
  });
  if (findings.some((one) => one.over && one.present && !one.absent)) return "urgent";
  return findings.every((one) => !one.over && one.absent && !one.present) ? "routine" : "cannot-assess";
}
