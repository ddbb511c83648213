// The photograph, with and without the reader's heat map, as pictures for paper.

import { firstClass } from "../read/scores";
import { colourOf, heatOf, seenPart } from "../read/saliency";
import type { KeptReading } from "../history/kept";

export interface Picture {
  content: Uint8Array;
  kind: "JPEG" | "PNG";
  width: number;
  height: number;
}

const HEAT = 0.5; // As opaque as the page shows it at first.

/** Null where the photograph could not be kept or drawn. */
export async function pictureOf(kept: KeptReading, { heat }: { heat: boolean }): Promise<Picture | null> {
  if (kept.thumbnail.size === 0) return null;
  const bitmap = await createImageBitmap(kept.thumbnail);
  try {
    const { width, height } = bitmap;
    const canvas = drawn(width, height, (context) => {
      context.drawImage(bitmap, 0, 0);
      if (heat) drawHeat(context, kept);
    });
    return { content: await bytesOf(canvas, "image/jpeg"), kind: "JPEG", width, height };
  } finally {
    bitmap.close();
  }
}

function drawHeat(context: CanvasRenderingContext2D, { reading, opened }: KeptReading): void {
  const { saliency } = reading;
  const { width, height } = context.canvas;
  const part = seenPart(width, height, opened.manifest.preprocess.resize);
  const colours = colourOf(heatOf(saliency, firstClass(reading, opened)));
  const cells = drawn(saliency.width, saliency.height, (small) => {
    small.putImageData(new ImageData(colours, saliency.width, saliency.height), 0, 0);
  });
  const [left, top] = [(part.left / 100) * width, (part.top / 100) * height];
  context.globalAlpha = HEAT;
  context.imageSmoothingEnabled = false; // As coarse as it is.
  context.drawImage(cells, left, top, (part.width / 100) * width, (part.height / 100) * height);
}

const PIXELS_PER_MM = 12; // About 300 dots an inch.

/** A line in a script that the page's fonts lack, drawn with the device's own fonts. */
export function pictureOfText(text: string, { heightMm, bold }: { heightMm: number; bold: boolean }) {
  const size = heightMm * PIXELS_PER_MM;
  const font = `${bold ? "bold " : ""}${size}px Arial, Helvetica, sans-serif`;
  const measure = drawn(1, 1, () => {}).getContext("2d");
  if (measure) measure.font = font;
  const width = Math.max(1, Math.ceil(measure?.measureText(text).width ?? size * text.length));
  const canvas = drawn(width, Math.ceil(size * 1.4), (context) => {
    context.font = font;
    context.fillStyle = "#1d2327";
    context.fillText(text, 0, size);
  });
  return {
    dataUrl: canvas.toDataURL("image/png"),
    widthMm: width / PIXELS_PER_MM,
    heightMm: canvas.height / PIXELS_PER_MM,
    baselineMm: heightMm,
  };
}

function drawn(width: number, height: number, draw: (context: CanvasRenderingContext2D) => void): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (context) draw(context);
  return canvas;
}

async function bytesOf(canvas: HTMLCanvasElement, type: string): Promise<Uint8Array> {
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, type, 0.9));
  if (!blob) throw new Error("the photograph could not be drawn");
  return new Uint8Array(await blob.arrayBuffer());
}
