import { expect, test } from "vitest";
import { inlineOf, parseMarkdown } from "../../../src/edge/about/markdown";

const text = (words: string) => [{ kind: "text", text: words }];

test("headings, paragraphs and lists", () => {
  expect(parseMarkdown("# skin@1\n\nTwo\nlines.\n\n- one\n- two\n  goes on\n")).toEqual([
    { kind: "heading", level: 1, words: text("skin@1") },
    { kind: "paragraph", words: text("Two lines.") },
    { kind: "list", items: [text("one"), text("two goes on")] },
  ]);
});

test("tables, with a head or without one", () => {
  const [table] = parseMarkdown("| Figure | Value |\n| --- | --- |\n| roc\\_auc | 0.815 |");
  expect(table).toEqual({
    kind: "table",
    head: [text("Figure"), text("Value")],
    rows: [[text("roc_auc"), text("0.815")]],
  });
  const [bare] = parseMarkdown("|  |  |\n| --- | --- |\n| Task | binary |");
  expect(bare).toMatchObject({ head: [[], []], rows: [[text("Task"), text("binary")]] });
});

test("strong, code and escaped characters", () => {
  expect(inlineOf("**urgent** if `x` \\>= 0.25")).toEqual([
    { kind: "strong", text: "urgent" },
    { kind: "text", text: " if " },
    { kind: "code", text: "x" },
    { kind: "text", text: " >= 0.25" },
  ]);
});

test("markup of a page stays text", () => {
  expect(inlineOf("<img src=x onerror=alert(1)>")).toEqual(text("<img src=x onerror=alert(1)>"));
  expect(inlineOf("2 * 3 * 4 and a ` alone")).toEqual(text("2 * 3 * 4 and a ` alone"));
});
