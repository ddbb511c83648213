import { expect, test } from "vitest";
import { digitsOf, firstClass, scoreTable } from "../../../src/edge/read/scores";
import { madeOpened, madePoint } from "./made";

const triage = { urgent: ["melanoma", "carcinoma"], novelty_threshold: 3, conformal: null };
const classes = ["naevus", "melanoma", "wart", "carcinoma"];

test("a binary reader has one row, with its threshold", () => {
  expect(scoreTable({ scores: [0.3] }, madeOpened())).toEqual({
    deciding: [{ names: ["malignant"], score: 0.3, threshold: 0.25, urgent: true }],
    others: [],
  });
});

test("a multiclass reader is decided by the sum of its urgent classes", () => {
  const opened = madeOpened({
    task: "multiclass",
    classes,
    triage,
    operating_points: [madePoint({ class_name: "" })],
  });
  const { deciding, others } = scoreTable({ scores: [0.5, 0.25, 0.125, 0.125] }, opened);
  expect(deciding).toEqual([
    { names: ["melanoma", "carcinoma"], score: 0.375, threshold: 0.25, urgent: true },
  ]);
  expect(others.map(({ names, urgent }) => [names[0], urgent])).toEqual([
    ["naevus", false],
    ["melanoma", true],
    ["wart", false],
    ["carcinoma", true],
  ]);
});

test("a multilabel reader has a threshold for each urgent finding, and shows the others below", () => {
  const points = [
    madePoint({ class_name: "melanoma", threshold: 0.1 }),
    madePoint({ class_name: "carcinoma" }),
  ];
  const opened = madeOpened({ task: "multilabel", classes, triage, operating_points: points });
  const { deciding, others } = scoreTable({ scores: [0.2, 0.15, 0.9, 0.1] }, opened);
  expect(deciding.map(({ names, threshold }) => [names[0], threshold])).toEqual([
    ["melanoma", 0.1],
    ["carcinoma", 0.25],
  ]);
  expect(others.map(({ names }) => names[0])).toEqual(["wart", "naevus"]);
});

test("the first map is that of the likeliest urgent class", () => {
  const opened = madeOpened({ task: "multiclass", classes, triage });
  expect(firstClass({ scores: [0.8, 0.05, 0.05, 0.1] }, opened)).toBe(3);
  const none = madeOpened({ classes, triage: { ...triage, urgent: [] } });
  expect(firstClass({ scores: [0.1, 0.05, 0.8, 0.05] }, none)).toBe(2);
});

test("a score just below its threshold does not look as if it were at it", () => {
  expect(digitsOf({ score: 0.3, threshold: 0.25 })).toBe(1);
  expect(digitsOf({ score: 0.25142, threshold: 0.25146 })).toBe(2);
  expect(digitsOf({ score: 0.2500001, threshold: 0.25 })).toBe(5);
  expect(digitsOf({ score: 0.25, threshold: 0.25 })).toBe(1);
  expect(digitsOf({ score: 0.25, threshold: null })).toBe(1);
});
