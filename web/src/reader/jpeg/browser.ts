// JPEG by the browser's own decoder: as exact as libjpeg-turbo where the self-test's pictures say so.

import { Upright, type Pixels } from "../pixels";
import type { JpegHeader } from "./header";
import type { Begun, Way } from "./way";

/** Pixels read back at once; a canvas of a whole photograph would cost 48 MB more, and phones limit it. */
const STRIP = 1 << 20;

export class Browser implements Way {
  readonly name = "browser";

  static readonly exists = typeof OffscreenCanvas !== "undefined";

  kindOf(): string {
    return "";
  }

  begin(plain: Uint8Array<ArrayBuffer>, { orientation }: JpegHeader): Begun {
    const decoded = createImageBitmap(new Blob([plain], { type: "image/jpeg" }), {
      colorSpaceConversion: "none",
      premultiplyAlpha: "none",
    });
    decoded.catch(() => undefined); // It is said when the picture is taken.
    return {
      take: async () => takePixels(await decoded, orientation),
      drop: () => void decoded.then((unused) => unused.close()).catch(() => undefined),
    };
  }
}

/** Pixels of a decoded picture, turned upright; frees it. */
function takePixels(bitmap: ImageBitmap, orientation: number): Pixels {
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
