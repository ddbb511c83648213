import { expect, test } from "vitest";
import { decidingPoints, nearestPrevalence, peopleOf, ratesOf } from "../../../src/edge/read/meaning";
import { madeOpened, madePoint } from "./made";

const figure = (value: number, low: number | null = null, high: number | null = null) => ({
  value,
  low,
  high,
});
const EVALUATED = {
  "triage.urgent_if_present": figure(0.8),
  "triage.routine_if_present": figure(0.15),
  "triage.cannot_assess_if_present": figure(0.05),
  "triage.urgent_if_absent": figure(0.3),
  "triage.routine_if_absent": figure(0.65),
  "triage.cannot_assess_if_absent": figure(0.05),
  "triage.sensitivity": figure(0.84, 0.7, 0.93),
  "triage.specificity": figure(0.68, 0.6, 0.75),
  prevalence: figure(0.2),
  images: figure(400),
};

test("of 1,000 people the counts are those of the rates", () => {
  const rates = ratesOf(madeOpened({}, { figures: EVALUATED }));
  expect(rates).toMatchObject({
    split: "test",
    images: 400,
    prevalence: 0.2,
    sensitivity: { low: 0.7, high: 0.93 },
  });
  expect(rates && peopleOf(rates, 0.1)).toEqual({
    present: { urgent: 80, routine: 15, "cannot-assess": 5 },
    absent: { urgent: 270, routine: 585, "cannot-assess": 45 },
  });
});

test("nobody is lost or counted twice by rounding", () => {
  const thirds = { urgent: 1 / 3, routine: 1 / 3, "cannot-assess": 1 / 3 };
  for (const prevalence of [0.001, 0.002, 0.005, 0.125, 0.5, 0.8]) {
    const { present, absent } = peopleOf({ present: thirds, absent: thirds }, prevalence);
    const sum = (row: typeof thirds) => row.urgent + row.routine + row["cannot-assess"];
    expect(sum(present)).toBe(Math.round(1000 * prevalence));
    expect(sum(present) + sum(absent)).toBe(1000);
  }
});

test("a reader that was never evaluated is described by its operating point on tune", () => {
  const rates = ratesOf(madeOpened());
  expect(rates).toMatchObject({ split: "tune", images: 80, prevalence: 0.25, sensitivity: null });
  expect(rates?.present.urgent).toBe(0.9);
  expect(rates?.absent.urgent).toBeCloseTo(0.4);
});

test("nothing is said where nothing was measured", () => {
  expect(ratesOf(madeOpened({ operating_points: [madePoint({ sensitivity: null })] }))).toBeNull();
  const two = {
    classes: ["a", "b"],
    task: "multilabel" as const,
    triage: { urgent: ["a", "b"], novelty_threshold: 3, conformal: null },
  };
  const points = [madePoint({ class_name: "a" }), madePoint({ class_name: "b" })];
  expect(ratesOf(madeOpened({ ...two, operating_points: points }))).toBeNull();
});

test("the small network decides by its own points, the first of each class", () => {
  const small = {
    storage: "fp16" as const,
    bytes: 1,
    operating_points: [madePoint({ threshold: 0.26 }), madePoint({ threshold: 0.5, name: "other" })],
    novelty_threshold: 3,
    images: 40,
    auc_change: 0,
    decisions_changed: 0,
    largest_score_change: 0,
  };
  expect(decidingPoints(madeOpened({ small }, { small: true })).map((point) => point.threshold)).toEqual([
    0.26,
  ]);
  expect(decidingPoints(madeOpened({ small }, { small: false })).map((point) => point.threshold)).toEqual([
    0.25,
  ]);
});

test("the slider starts at the nearest offered prevalence", () => {
  expect(nearestPrevalence(0.5)).toBe(500);
  expect(nearestPrevalence(0.0162)).toBe(20);
  expect(nearestPrevalence(0)).toBe(1);
});
