import { jsPDF } from "jspdf";
import { expect, test } from "vitest";
import { pageOf } from "../../../src/edge/export/page";
import { drawPage, sharedLines } from "../../../src/edge/export/paper";
import { inStandardFonts, type TextAsPicture } from "../../../src/edge/export/sheet";
import type { KeptReading } from "../../../src/edge/history/kept";
import { language, type Language } from "../../../src/messages";
import { madeKept, madeOpened, madeReading } from "../history/made";

// A picture of one white point.
const POINT =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsTj2FAAAAABJRU5ErkJggg==";

function drawn(kept: KeptReading, chosen: Language = "en"): { content: string; asPictures: string[] } {
  language.value = chosen;
  const asPictures: string[] = [];
  const textAsPicture: TextAsPicture = (text) => {
    asPictures.push(text);
    return { dataUrl: POINT, widthMm: 10, heightMm: 3, baselineMm: 2 };
  };
  const doc = new jsPDF({ format: "a4", unit: "mm" });
  drawPage(doc, pageOf(kept), { photograph: null, overlay: null, textAsPicture });
  return { content: doc.output(), asPictures };
}

const pages = (content: string) => content.match(/\/Type \/Page\b(?!s)/g)?.length;
/** Baselines of all lines of text, in points from the foot of the page. */
const baselines = (content: string) =>
  [...content.matchAll(/^[\d.]+ ([-\d.]+) Td$/gm)].map((match) => Number(match[1]));

test("everything stands on one page, above its lower edge", () => {
  const long = "A sentence that goes on and on about what this reader must not be used for. ".repeat(60);
  const classes = Array.from({ length: 20 }, (_, index) => `finding ${index}`);
  const kept = madeKept({
    name: `${"very long name ".repeat(20)}.jpg`,
    opened: madeOpened({ classes, limits: [long], intended_use: long, operating_points: [] }),
    reading: madeReading({ scores: classes.map(() => 0.5), operatingPoint: long }),
  });
  const { content } = drawn(kept);
  expect(pages(content)).toBe(1);
  expect(baselines(content).length).toBeGreaterThan(40);
  expect(Math.min(...baselines(content))).toBeGreaterThan(15);
});

test("limits stand on the page however long the intended use is", () => {
  const use = "What it is for, at length. ".repeat(200);
  const kept = madeKept({ opened: madeOpened({ intended_use: use, limits: ["Not for children."] }) });
  expect(drawn(kept).content).toContain("(Not for children.)");
});

test("lines are shared among those who need them", () => {
  expect(sharedLines([1, 20, 3], 24)).toEqual([1, 20, 3]);
  expect(sharedLines([1, 20, 3], 10)).toEqual([1, 6, 3]);
  expect(sharedLines([20, 20], 9)).toEqual([4, 5]);
  expect(sharedLines([5], -3)).toEqual([0]);
});

test("German letters are written as such", () => {
  const { content, asPictures } = drawn(madeKept({ name: "Grüße – „Fuß“.jpg" }), "de");
  expect(asPictures).toEqual([]);
  // WinAnsi: ü = FC, ß = DF, – = 96, „ = 84, “ = 93.
  expect(content).toContain("Gr\u00fc\u00dfe \u0096 \u0084Fu\u00df\u0093.jpg");
});

test("a script that the fonts lack is drawn", () => {
  const { asPictures } = drawn(madeKept({ name: "母斑.jpg" }));
  expect(asPictures).toEqual(["母斑.jpg"]);
  expect(inStandardFonts("ł")).toBe(false);
});

test("a decision that is urgent is not called otherwise", () => {
  const { content } = drawn(madeKept());
  expect(content).toContain("(Urgent)");
  expect(content).toContain("(Not a diagnosis)");
  expect(content).not.toContain("(Routine)");
});
