// JPEG by the browser's own decoder: as exact as libjpeg-turbo where the self-test's pictures say so.

import { Upright, type Pixels } from "../pixels";

/** Pixels read back at once; a canvas of a whole photograph would cost 48 MB more, and phones limit it. */
const STRIP = 1 << 20;

/** Begins to decode, off this thread, a file without what the browser might turn or colour it by. */
export function startDecoding(plain: Uint8Array<ArrayBuffer>): Promise<ImageBitmap> {
  return createImageBitmap(new Blob([plain], { type: "image/jpeg" }), {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  });
}

/** Pixels of a decoded picture, turned upright; frees it. */
export function takePixels(bitmap: ImageBitmap, orientation: number): Pixels {
  const { width, height } = bitmap;
  const upright = new Upright(width, height, orientation);
  const rows = Math.min(height, Math.max(1, Math.floor(STRIP / width)));
  const canvas = new OffscreenCanvas(width, rows);
  try {
    const context = canvas.getContext("2d", { willReadFrequently: true, alpha: false, colorSpace: "srgb" });
    if (!context) throw new Error("the browser gave no canvas");
    context.imageSmoothingEnabled = false;
    for (let top = 0; top < height; top += rows) {
      const taken = Math.min(rows, height - top);
      context.drawImage(bitmap, 0, top, width, taken, 0, 0, width, taken);
      upright.put(context.getImageData(0, 0, width, taken).data, top);
    }
  } finally {
    bitmap.close();
    canvas.width = canvas.height = 0;
  }
  return upright.pixels;
}
