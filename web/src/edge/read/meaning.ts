// What a decision means among many people: rates of the reader and how common the finding is, as counts.

import type { OperatingPoint } from "../../reader/bundle";
import type { Decision, Opened } from "../../reader/contract";

/** How often each decision is made of people with and without the finding; each row sums to 1. */
export interface Rates {
  present: Record<Decision, number>;
  absent: Record<Decision, number>;
  /** Split of the images that they were measured on, and how many. */
  split: "test" | "tune";
  images: number;
  /** Share of those images with the finding, 0..1. */
  prevalence: number;
  /** 95 % intervals, where the evaluation has them. */
  sensitivity: Interval | null;
  specificity: Interval | null;
}

export interface Interval {
  low: number;
  high: number;
}

/** Whole people of 1,000. */
export interface People {
  present: Record<Decision, number>;
  absent: Record<Decision, number>;
}

export const PEOPLE = 1000;
/** Of 1,000 people, how many may have the finding: what the slider offers. */
export const PREVALENCES = [
  1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 400, 500, 600, 700, 800,
] as const;

const DECISIONS: readonly Decision[] = ["urgent", "routine", "cannot-assess"];

/** The operating points that decide: one an urgent class, or one for their sum (multiclass). */
export function decidingPoints({ manifest, site }: Pick<Opened, "manifest" | "site">): OperatingPoint[] {
  const points = (site.small && manifest.small?.operating_points) || manifest.operating_points;
  const wanted = manifest.task === "multiclass" ? [""] : manifest.triage.urgent;
  return wanted.flatMap((name) => points.find((point) => point.class_name === name) ?? []);
}

/** Rates of the evaluation, else of the one operating point on tune; null where neither is known. */
export function ratesOf(opened: Pick<Opened, "manifest" | "site">): Rates | null {
  return testRates(opened) ?? tuneRates(decidingPoints(opened));
}

/** Counts of `PEOPLE` people, of whom the share `prevalence` has the finding; they add up exactly. */
export function peopleOf(rates: Pick<Rates, "present" | "absent">, prevalence: number): People {
  const present = Math.round(PEOPLE * prevalence);
  return { present: shared(present, rates.present), absent: shared(PEOPLE - present, rates.absent) };
}

/** The offered prevalence that is nearest, by ratio. */
export function nearestPrevalence(prevalence: number): number {
  const distance = (step: number) => Math.abs(Math.log(step / PEOPLE / Math.max(prevalence, 1e-6)));
  return PREVALENCES.reduce((best, step) => (distance(step) < distance(best) ? step : best));
}

// Largest remainders: rounding each count by itself could lose a person.
function shared(people: number, rates: Record<Decision, number>): Record<Decision, number> {
  const exact = DECISIONS.map((decision) => people * rates[decision]);
  const counts = exact.map(Math.floor);
  const order = exact.map((value, index) => ({ index, rest: value - Math.floor(value) }));
  order.sort((a, b) => b.rest - a.rest);
  let left = people - counts.reduce((sum, count) => sum + count, 0);
  for (const { index } of order) {
    if (left <= 0) break;
    counts[index] = (counts[index] ?? 0) + 1;
    left -= 1;
  }
  return { urgent: counts[0] ?? 0, routine: counts[1] ?? 0, "cannot-assess": counts[2] ?? 0 };
}

function testRates({ site }: Pick<Opened, "site">): Rates | null {
  const figure = (name: string) => site.figures[name]?.value ?? null;
  const row = (of: "present" | "absent") => {
    const [urgent, routine] = [figure(`triage.urgent_if_${of}`), figure(`triage.routine_if_${of}`)];
    if (urgent === null || routine === null) return null;
    return { urgent, routine, "cannot-assess": figure(`triage.cannot_assess_if_${of}`) ?? 0 };
  };
  const [present, absent] = [row("present"), row("absent")];
  if (!present || !absent) return null;
  return {
    present,
    absent,
    split: "test",
    images: figure("images") ?? 0,
    prevalence: figure("prevalence") ?? 0.5,
    sensitivity: intervalOf(site, "triage.sensitivity"),
    specificity: intervalOf(site, "triage.specificity"),
  };
}

function tuneRates(points: OperatingPoint[]): Rates | null {
  const [point] = points;
  if (!point || points.length > 1 || point.sensitivity === null || point.specificity === null) return null;
  const images = point.positives + point.negatives;
  return {
    present: { urgent: point.sensitivity, routine: 1 - point.sensitivity, "cannot-assess": 0 },
    absent: { urgent: 1 - point.specificity, routine: point.specificity, "cannot-assess": 0 },
    split: "tune",
    images,
    prevalence: images > 0 ? point.positives / images : 0.5,
    sensitivity: null,
    specificity: null,
  };
}

function intervalOf(site: Opened["site"], name: string): Interval | null {
  const figure = site.figures[name];
  if (typeof figure?.low !== "number" || typeof figure.high !== "number") return null;
  return { low: figure.low, high: figure.high };
}
