import { expect, test } from "vitest";
import { exportJson, rowOf, stem } from "../../../src/edge/export/json";
import { madeKept, madeOpened, madeReading } from "../history/made";

test("the columns come first, named as predict names them", () => {
  const quality = { images: 9, shorter_side: 9, dark: 1, bright: 9, sharpness: 1 };
  const row = rowOf(madeKept({ opened: madeOpened({ quality }) }));
  expect(Object.keys(row).slice(0, 11)).toEqual([
    "image_id",
    "uri",
    "score.malignant",
    "decision",
    "operating_point",
    "novelty",
    "bundle",
    "sha256",
    "metadata_missing",
    "reason",
    "quality",
  ]);
  expect(row).toMatchObject({ image_id: "Muttermal", uri: "Muttermal.jpg", decision: "urgent", quality: "" });
});

test("every float32 comes back exactly", () => {
  for (const score of [Math.fround(0.1), Math.fround(1 / 3), Math.fround(1e-20)]) {
    const text = exportJson([madeKept({ reading: madeReading({ scores: [score] }) })]);
    expect(Math.fround(JSON.parse(text).readings[0]["score.malignant"])).toBe(score);
  }
});

test("what is no number is null, and what was not asked is null", () => {
  const row = rowOf(madeKept({ reading: madeReading({ scores: [NaN] }), selfTest: null }));
  expect(row).toMatchObject({ "score.malignant": null, metadata_missing: null, quality: null, selftest: null });
});

test("a reading says by what it was read, to be traced", () => {
  expect(rowOf(madeKept())).toMatchObject({
    site: "c".repeat(64),
    bundle_digest: "b".repeat(64),
    network_sha256: "a".repeat(64),
    runtime: { backend: "wasm", threads: 2, decoder: "browser" },
    selftest: { passed: true, pictures: 8 },
  });
});

test("metadata that was asked and not known is named", () => {
  const field = { name: "age", kind: "number" as const, categories: [], unit: "", missing: 50 };
  const kept = madeKept({
    opened: madeOpened({ metadata: [field, { ...field, name: "sex" }] }),
    reading: madeReading({ metadataMissing: ["age", "sex"] }),
  });
  expect(rowOf(kept)["metadata_missing"]).toBe("age, sex");
});

test.each([
  ["a.b.jpg", "a.b"],
  ["photo", "photo"],
  [".jpg", ".jpg"],
])("the stem of %s is %s", (name, expected) => {
  expect(stem(name)).toBe(expected);
});
