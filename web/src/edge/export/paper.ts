// Draw the page: A4, one side, in the fonts that every reader of PDF has. Lengths are in mm, sizes in points.

import type { jsPDF } from "jspdf";
import type { Decision } from "../../reader/contract";
import type { Page, Paragraph, ScoreLine } from "./page";
import { Sheet, type TextAsPicture } from "./sheet";
import type { Picture } from "./pictures";

export interface Pictures {
  photograph: Picture | null;
  overlay: Picture | null;
  textAsPicture: TextAsPicture;
}

type Colour = [number, number, number];
const INK: Colour = [29, 35, 39];
const MUTED: Colour = [89, 100, 107];
const LINE: Colour = [201, 199, 192];
const ACCENT: Colour = [23, 97, 107];
// The colours of tokens.css, in light.
const DECISIONS: Record<Decision, { strong: Colour; wash: Colour }> = {
  urgent: { strong: [163, 39, 28], wash: [251, 233, 229] },
  routine: { strong: [23, 97, 107], wash: [228, 240, 240] },
  "cannot-assess": { strong: [85, 72, 140], wash: [237, 235, 246] },
};

const LEFT = 16;
const WIDTH = 178;
const TOP = 16;
const BOTTOM = 281;
const PICTURES = { most: 74, least: 38, gap: 6 };
const CAPTION = { size: 8, colour: MUTED, width: (WIDTH - PICTURES.gap) / 2, lines: 3 };
const MOST_SCORES = 8;
const SCORE_HEIGHT = 5.4;

export function drawPage(doc: jsPDF, page: Page, pictures: Pictures): void {
  const sheet = new Sheet(doc, pictures.textAsPicture);
  drawHead(sheet, page);
  drawDecision(sheet, page);
  drawWarning(sheet, page.warning);
  // The facts stand at the foot; what is left between belongs to the pictures, then to the words.
  const factsTop = BOTTOM - 12 - sheet.heightOfPairs(page.facts, WIDTH);
  const scores = 4 + SCORE_HEIGHT * Math.min(page.scores.length, MOST_SCORES + 1);
  const words = page.paragraphs.reduce((sum, one) => sum + heightOfParagraph(sheet, one), 0);
  const left = factsTop - sheet.y - scores - words - captionHeight(sheet, page);
  drawPictures(sheet, page, pictures, Math.max(PICTURES.least, Math.min(PICTURES.most, left)));
  drawScores(sheet, page);
  drawParagraphs(sheet, page.paragraphs, factsTop);
  sheet.y = factsTop + 1;
  drawFacts(sheet, page);
  sheet.line(LEFT, BOTTOM, WIDTH, LINE);
  sheet.text(page.foot, LEFT, BOTTOM + 4, { size: 7.5, colour: MUTED, width: WIDTH, lines: 2 });
}

function drawHead(sheet: Sheet, page: Page): void {
  sheet.text("OVERREAD", LEFT, TOP, { size: 8, bold: true, colour: ACCENT });
  sheet.text(page.bundle, LEFT + WIDTH, TOP, { size: 8, colour: MUTED, right: true });
  sheet.text(page.title, LEFT, TOP + 9, { size: 17, bold: true, colour: INK });
  sheet.y = TOP + 14;
}

function drawDecision(sheet: Sheet, page: Page): void {
  const { strong, wash } = DECISIONS[page.decision];
  const sentence = { size: 10, colour: INK, width: WIDTH - 30, lines: 3 };
  const height = 15 + sheet.heightOf(page.sentence, sentence);
  sheet.box(LEFT, sheet.y, WIDTH, height, wash);
  sheet.box(LEFT, sheet.y, 1.6, height, strong);
  drawSymbol(sheet, page.decision, LEFT + 13, sheet.y + height / 2, strong);
  sheet.text(page.word, LEFT + 25, sheet.y + 10, { size: 19, bold: true, colour: strong });
  sheet.text(page.sentence, LEFT + 25, sheet.y + 16, sentence);
  sheet.y += height + 3;
}

// The silhouettes of the app: told apart without colour.
function drawSymbol(sheet: Sheet, decision: Decision, x: number, y: number, colour: Colour): void {
  const { doc } = sheet;
  doc.setDrawColor(...colour).setFillColor(...colour).setLineWidth(0.9);
  if (decision === "urgent") {
    doc.triangle(x, y - 5.5, x - 6, y + 4.8, x + 6, y + 4.8, "S");
    doc.line(x, y - 1.6, x, y + 1.2);
    doc.circle(x, y + 3, 0.3, "F");
  } else if (decision === "routine") {
    doc.circle(x, y, 5.4, "S");
    doc.line(x - 2.6, y, x + 2.6, y);
  } else {
    doc.lines([[6, 6], [-6, 6], [-6, -6], [6, -6]], x, y - 6, [1, 1], "S", true);
    sheet.text("?", x - 1.4, y + 2, { size: 15, bold: true, colour });
  }
}

function drawWarning(sheet: Sheet, warning: Paragraph): void {
  const words = { size: 8.5, colour: INK, width: WIDTH - 42, lines: 4 };
  const height = 4.5 + sheet.heightOf(warning.text, words);
  sheet.frame(LEFT, sheet.y, WIDTH, height, INK);
  sheet.text(warning.title, LEFT + 4, sheet.y + 5, { size: 9.5, bold: true, colour: INK, width: 32, lines: 2 });
  sheet.text(warning.text, LEFT + 38, sheet.y + 5, words);
  sheet.y += height + 4;
}

function captionHeight(sheet: Sheet, page: Page): number {
  return 8 + Math.max(...[page.photograph, page.overlay].map((one) => sheet.heightOf(one, CAPTION)));
}

function drawPictures(sheet: Sheet, page: Page, { photograph, overlay }: Pictures, most: number): void {
  const both: [Picture | null, string][] = [
    [photograph, page.photograph],
    [overlay, page.overlay],
  ];
  const height = photograph ? Math.min(most, (CAPTION.width * photograph.height) / photograph.width) : most;
  both.forEach(([picture, caption], index) => {
    const left = LEFT + index * (CAPTION.width + PICTURES.gap);
    if (picture) sheet.picture(picture, left, sheet.y, CAPTION.width, height);
    else sheet.frame(left, sheet.y, CAPTION.width, height, LINE);
    sheet.text(caption, left, sheet.y + height + 4, CAPTION);
  });
  sheet.y += height + captionHeight(sheet, page);
}

function drawScores(sheet: Sheet, page: Page): void {
  const { strong } = DECISIONS[page.decision];
  for (const score of page.scores.slice(0, MOST_SCORES)) {
    sheet.text(score.name, LEFT, sheet.y, { size: 9, bold: score.threshold !== null, colour: INK, width: 54, lines: 1 });
    drawBar(sheet, score, strong);
    sheet.text(score.value, LEFT + 142, sheet.y, { size: 9, bold: true, colour: INK, right: true });
    const aside = score.threshold?.value ?? "";
    sheet.text(aside, LEFT + WIDTH, sheet.y, { size: 8, colour: MUTED, right: true });
    sheet.y += SCORE_HEIGHT;
  }
  if (page.scores.length > MOST_SCORES) {
    sheet.text(page.moreScores, LEFT, sheet.y, { size: 8, colour: MUTED, width: WIDTH, lines: 1 });
    sheet.y += SCORE_HEIGHT;
  }
  sheet.y += 3;
}

function drawBar(sheet: Sheet, score: ScoreLine, strong: Colour): void {
  const [left, width] = [LEFT + 58, 70];
  const within = (share: number) => (Number.isFinite(share) ? Math.min(1, Math.max(0, share)) : 0);
  sheet.box(left, sheet.y - 2.2, width, 2, [239, 238, 234]);
  const reached = score.threshold !== null && score.share >= score.threshold.share;
  sheet.box(left, sheet.y - 2.2, width * within(score.share), 2, reached ? strong : MUTED);
  if (!score.threshold) return;
  const at = left + width * within(score.threshold.share);
  sheet.box(at - 0.25, sheet.y - 3.2, 0.5, 4, INK);
}

const WORDS = { size: 9, colour: INK, width: WIDTH - 42 };

const TITLES = { ...WORDS, bold: true, width: 38, lines: 2 };

function heightOfParagraph(sheet: Sheet, { title, text }: Paragraph): number {
  return Math.max(sheet.heightOf(title, TITLES), sheet.heightOf(text, WORDS)) + 2;
}

/** Where there is not room for all, each has its share of the lines; what is cut ends in "…". */
function drawParagraphs(sheet: Sheet, paragraphs: readonly Paragraph[], end: number): void {
  const needed = paragraphs.map((one) => sheet.lines(heightOfParagraph(sheet, one) - 2, WORDS.size));
  const room = sheet.lines(end - sheet.y - 2 * paragraphs.length, WORDS.size);
  sharedLines(needed, room).forEach((lines, index) => {
    const { title = "", text = "" } = paragraphs[index] ?? {};
    if (lines < 1) return;
    const titleHeight = sheet.text(title, LEFT, sheet.y, { ...TITLES, lines: Math.min(2, lines) });
    sheet.y += Math.max(titleHeight, sheet.text(text, LEFT + 42, sheet.y, { ...WORDS, lines })) + 2;
  });
}

/** Lines for each of those who need some, of so many in all: who needs little gets it, the others share what is left. */
export function sharedLines(needed: readonly number[], room: number): number[] {
  const given = needed.map(() => 0);
  const order = needed.map((_, index) => index).sort((a, b) => (needed[a] ?? 0) - (needed[b] ?? 0));
  let left = Math.max(0, room);
  order.forEach((index, done) => {
    given[index] = Math.min(needed[index] ?? 0, Math.floor(left / (order.length - done)));
    left -= given[index] ?? 0;
  });
  return given;
}

function drawFacts(sheet: Sheet, page: Page): void {
  sheet.line(LEFT, sheet.y - 1, WIDTH, LINE);
  sheet.text(page.factsTitle, LEFT, sheet.y + 3.6, { size: 8.5, bold: true, colour: INK });
  sheet.y += 7.6;
  sheet.pairs(page.facts, LEFT, WIDTH, { label: MUTED, value: INK });
}
