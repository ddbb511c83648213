import { expect, test } from "vitest";
import { fileName } from "../../../src/edge/export/save";

test("a file is named after the photograph, the day and what it is", () => {
  expect(fileName("IMG_1.jpg", "2026-11-21T10:00:00Z", "reading", "pdf")).toBe("IMG_1 reading 2026-11-21.pdf");
});

test("nothing in a name leads out of the downloads", () => {
  const name = fileName('../a/b\\c:"d"\n.png', "2026-11-21T10:00:00Z", "reading", "json");
  expect(name).toMatch(/^[^\\/:*?"<>|\n]+\.json$/);
});
