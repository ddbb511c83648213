import { beforeEach, expect, test } from "vitest";
import { pageOf } from "../../../src/edge/export/page";
import { language } from "../../../src/messages";
import { madeKept, madeOpened, madeReading } from "../history/made";

beforeEach(() => {
  language.value = "en";
});

test("an urgent reading says which finding is above its threshold, and what that means", () => {
  const page = pageOf(madeKept());
  expect(page.word).toBe("Urgent");
  expect(page.sentence).toContain("physician");
  expect(page.scores).toEqual([
    { name: "malignant", value: "70.0%", share: Math.fround(0.7), threshold: { value: "urgent from 40.0%", share: 0.4 } },
  ]);
  // 250 people of tune, 50 with the finding: of 1,000 people 200 have it, 0.96 of them are found.
  expect(page.paragraphs[0]?.text).toMatch(/^Of 1,000 .* 200 have the finding .* calls 592 urgent: 192 of them have it, 400 do not. It misses 8/);
});

test("numbers and words are German in German", () => {
  language.value = "de";
  const page = pageOf(madeKept({ reading: madeReading({ decision: "cannot-assess", reason: "novel" }) }));
  expect(page.word).toBe("Nicht beurteilbar");
  expect(page.sentence).toContain("Fotografie");
  expect(page.scores[0]?.value).toMatch(/^70,0.%$/);
  expect(page.warning.title).toBe("Keine Diagnose");
});

test("the facts trace the reading", () => {
  const words = pageOf(madeKept()).facts.flat().join("\n");
  for (const digest of ["a", "b", "c", "d"]) expect(words).toContain(digest.repeat(64));
  expect(words).toContain("passed on 8 pictures");
});

test("a self-test that failed or had not ended is told", () => {
  const failed = { passed: false, pictures: 8, maxScoreDifference: 1, maxNoveltyDifference: 1, failure: "a.png" };
  expect(pageOf(madeKept({ selfTest: failed })).facts.at(-1)?.[1]).toBe("failed");
  expect(pageOf(madeKept({ selfTest: null })).facts.at(-1)?.[1]).toMatch(/had not ended/);
});

test("patient information is on the page only where the bundle asks for it", () => {
  const age = { name: "age", kind: "number" as const, categories: [], unit: "years", missing: 50 };
  const asked = pageOf(madeKept({ opened: madeOpened({ metadata: [age] }), metadata: { age: 61 } }));
  expect(asked.facts).toContainEqual(["Details of the person", "Age: 61 years"]);
  expect(pageOf(madeKept()).facts.map(([label]) => label)).not.toContain("Details of the person");
});

test("a photograph that should have been taken again, and scores that mean little, are told beside the decision", () => {
  const reading = madeReading({ decision: "cannot-assess", reason: "novel", quality: ["dark", "blurred"] });
  const { sentence } = pageOf(madeKept({ reading }));
  expect(sentence).toMatch(/scores mean little.*Too dark, Blurred/i);
  expect(pageOf(madeKept()).sentence).not.toMatch(/scores|dark/i);
});
