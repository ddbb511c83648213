import { describe, expect, it } from "vitest";
import { compare, type Expected, type Read } from "../../src/reader/selftest";

const EXPECTED: Expected = {
  images: [
    { file: "01.jpg", scores: [0.25, 0.5], novelty: 3, decision: "routine" },
    { file: "01.jpg", scores: [0.75, 0.5], novelty: 3, decision: "urgent" },
  ],
};
const READ: Read[] = EXPECTED.images.map(({ scores, novelty, decision }) => ({ scores, novelty, decision }));

describe("compare", () => {
  it("passes where everything is as Python had it, and counts pictures once", () => {
    const passed = { passed: true, pictures: 1, maxScoreDifference: 0, maxNoveltyDifference: 0, failure: "" };
    expect(compare(EXPECTED, READ)).toEqual(passed);
  });

  it.each<[string, Partial<Read>]>([
    ["a score beyond 1e-5", { scores: [0.250011, 0.5] }],
    ["a score that is no number", { scores: [NaN, 0.5] }],
    ["a score too few", { scores: [0.25] }],
    ["a novelty beyond 1e-4 of its scale", { novelty: 3.00041 }],
    ["another decision", { decision: "urgent" }],
  ])("fails for %s and names the picture", (_, change) => {
    const tested = compare(EXPECTED, [{ ...READ[0]!, ...change }, READ[1]!]);
    expect(tested.passed).toBe(false);
    expect(tested.failure).toMatch(/^01\.jpg: reads/);
  });

  it("passes within the tolerances", () => {
    const near = [{ ...READ[0]!, scores: [0.250009, 0.5], novelty: 3.00039 }, READ[1]!];
    expect(compare(EXPECTED, near).passed).toBe(true);
  });

  it("fails where a picture could not be read, and where pixels are others", () => {
    expect(compare(EXPECTED, [null, READ[1]!]).failure).toMatch(/reads nothing/);
    expect(compare(EXPECTED, READ, ["01.jpg"]).failure).toBe("01.jpg: decoded to other pixels than in Python");
  });

  it("fails where nothing was asked", () => {
    expect(compare({ images: [] }, []).passed).toBe(false);
  });
});
