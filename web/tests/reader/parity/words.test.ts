import { describe, expect, it } from "vitest";
import type { MetadataField } from "../../../src/reader/bundle";
import { nineDigits } from "../../../src/reader/digits";
import { operatingLabel, type Deciding } from "../../../src/reader/manifest";
import { tell } from "../../../src/reader/metadata";
import { Upright } from "../../../src/reader/pixels";
import { decide, whyNot } from "../../../src/reader/triage";
import { FOLDER, numberOf, vectors } from "./vectors";

interface Triage {
  manifest: Deciding;
  label: string;
  cases: { scores: string[]; novelty: string; decision: string; reason: string | null }[];
}

interface Metadata {
  fields: MetadataField[];
  given: Record<string, number | string>;
  values: string[] | null;
  missing: string[];
}

describe.skipIf(!FOLDER)("as Python", () => {
  it("decides, says why not, and names the thresholds", () => {
    const all = vectors<Triage>("triage");
    const seen = new Set<string>();
    for (const { manifest, label, cases } of all) {
      expect(operatingLabel(manifest)).toBe(label);
      for (const { scores, novelty, decision, reason } of cases) {
        const values = scores.map(numberOf);
        const said = [decide(values, numberOf(novelty), manifest), whyNot(values, numberOf(novelty), manifest)];
        expect(said, JSON.stringify({ manifest, scores, novelty })).toEqual([decision, reason]);
        seen.add(`${decision} ${reason ?? ""}`);
      }
    }
    expect([...seen].sort()).toEqual(["cannot-assess novel", "cannot-assess undecided", "routine ", "urgent "]);
  });

  it("tells a network what is known of a patient", () => {
    for (const { fields, given, values, missing } of vectors<Metadata>("metadata")) {
      const told = () => tell(fields, given);
      if (!values) expect(told, JSON.stringify(given)).toThrow();
      else expect([Array.from(told().values), told().missing], JSON.stringify(given)).toEqual([values.map(numberOf), missing]);
    }
  });

  it("writes numbers", () => {
    for (const [value, text] of vectors<[string, string]>("digits")) expect(nineDigits(numberOf(value))).toBe(text);
  });

  it("turns pixels upright", () => {
    for (const { orientation, shape, pixels } of vectors<{ orientation: number; shape: number[]; pixels: number[] }>("upright")) {
      const upright = new Upright(4, 3, orientation);
      for (const row of [0, 1, 2]) {
        const rgba = Array.from({ length: 4 }, (_, x) => [0, 1, 2].map((c) => 12 * row + 3 * x + c).concat(255)).flat();
        upright.put(Uint8Array.from(rgba), row);
      }
      const { data, width, height } = upright.pixels;
      expect([[height, width, 3], Array.from(data)]).toEqual([shape, pixels]);
    }
  });
});
