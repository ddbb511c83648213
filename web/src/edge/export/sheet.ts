// Words, boxes and pictures on a sheet of paper, at a place in mm. `y` is where the next thing goes.

import type { jsPDF } from "jspdf";
import type { Picture } from "./pictures";

type Colour = [number, number, number];

export interface TextStyle {
  /** In points. */
  size: number;
  colour: Colour;
  bold?: boolean;
  /** Ends at x instead of beginning there. */
  right?: boolean;
  /** In mm; longer text is broken into lines. */
  width?: number;
  /** At most so many; what is cut ends in "…". */
  lines?: number;
}

export interface TextPicture {
  dataUrl: string;
  widthMm: number;
  heightMm: number;
  /** From its top to the line that letters stand on. */
  baselineMm: number;
}

export type TextAsPicture = (text: string, style: { heightMm: number; bold: boolean }) => TextPicture;

const MM_PER_POINT = 25.4 / 72;
const LEADING = 1.32;
const PAIR = { size: 7.5, label: 44 };

// Latin-1 and what Windows' code page 1252 adds: all that the PDF standard fonts hold.
const OTHERS = /[^\u0020-\u007e\u00a0-\u00ff€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]/u;

/** Whether the standard fonts of PDF have every letter of it. */
export function inStandardFonts(text: string): boolean {
  return !OTHERS.test(text);
}

export class Sheet {
  y = 0;

  constructor(
    readonly doc: jsPDF,
    private readonly textAsPicture: TextAsPicture,
  ) {}

  /** Write; returns the height in mm that it took. */
  text(text: string, x: number, y: number, style: TextStyle): number {
    const lines = this.broken(text, style);
    this.setFont(style);
    this.doc.setTextColor(...style.colour);
    lines.forEach((line, index) => this.oneLine(line, x, y + index * leading(style.size), style));
    return lines.length * leading(style.size);
  }

  heightOf(text: string, style: TextStyle): number {
    return this.broken(text, style).length * leading(style.size);
  }

  /** How many lines of that size fit into a height. */
  lines(height: number, size: number): number {
    return Math.floor(height / leading(size) + 1e-6);
  }

  heightOfPairs(pairs: readonly (readonly [string, string])[], width: number): number {
    return pairs.reduce((sum, [, value]) => sum + this.heightOf(value, pairStyle(width, [0, 0, 0])), 0);
  }

  /** Labels and values below each other, from `y` on. */
  pairs(
    pairs: readonly (readonly [string, string])[],
    x: number,
    width: number,
    colours: { label: Colour; value: Colour },
  ): void {
    for (const [label, value] of pairs) {
      this.text(label, x, this.y, { size: PAIR.size, colour: colours.label, width: PAIR.label - 2, lines: 1 });
      this.y += this.text(value, x + PAIR.label, this.y, pairStyle(width, colours.value));
    }
  }

  box(x: number, y: number, width: number, height: number, colour: Colour): void {
    this.doc.setFillColor(...colour).rect(x, y, width, height, "F");
  }

  frame(x: number, y: number, width: number, height: number, colour: Colour): void {
    this.doc.setDrawColor(...colour).setLineWidth(0.3).rect(x, y, width, height, "S");
  }

  line(x: number, y: number, width: number, colour: Colour): void {
    this.doc.setDrawColor(...colour).setLineWidth(0.25).line(x, y, x + width, y);
  }

  /** As large as fits into the box, at its upper left. */
  picture(picture: Picture, x: number, y: number, width: number, height: number): void {
    const scale = Math.min(width / picture.width, height / picture.height);
    this.doc.addImage(picture.content, picture.kind, x, y, picture.width * scale, picture.height * scale);
  }

  private oneLine(line: string, x: number, y: number, style: TextStyle): void {
    if (inStandardFonts(line)) {
      this.doc.text(line, x, y, { align: style.right ? "right" : "left" });
      return;
    }
    const { dataUrl, ...drawn } = this.textAsPicture(line, {
      heightMm: style.size * MM_PER_POINT,
      bold: style.bold ?? false,
    });
    const scale = Math.min(1, (style.width ?? Infinity) / drawn.widthMm);
    const width = drawn.widthMm * scale;
    const top = y - drawn.baselineMm * scale;
    this.doc.addImage(dataUrl, "PNG", style.right ? x - width : x, top, width, drawn.heightMm * scale);
  }

  private broken(text: string, style: TextStyle): string[] {
    if (style.width === undefined) return [text];
    this.setFont(style);
    const all: string[] = this.doc.splitTextToSize(text, style.width);
    const most = style.lines ?? all.length;
    if (all.length <= most) return all;
    const kept = all.slice(0, most);
    const last = kept.length - 1;
    kept[last] = this.shortened(kept[last] ?? "", style.width);
    return kept;
  }

  private shortened(line: string, width: number): string {
    let kept = line.trimEnd();
    while (kept.length > 1 && this.doc.getTextWidth(`${kept}…`) > width) kept = kept.slice(0, -1);
    return `${kept}…`;
  }

  private setFont(style: TextStyle): void {
    this.doc.setFont("helvetica", style.bold ? "bold" : "normal").setFontSize(style.size);
  }
}

function leading(size: number): number {
  return size * MM_PER_POINT * LEADING;
}

function pairStyle(width: number, colour: Colour): TextStyle {
  return { size: PAIR.size, colour, width: width - PAIR.label, lines: 2 };
}
