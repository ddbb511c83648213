// JPEG by WebCodecs: the decoder's own planes, to which our kernels give size and colour; a canvas takes
// three times as long. Pixels that are finished (Firefox; grey files in Chromium) are taken as they are.

import { Upright, type Pixels } from "../pixels";
import { RoomMaker } from "../room";
import type { JpegHeader } from "./header";
import type { Begun, Way } from "./way";

/** More at once would only take memory. */
const STRIP = 1 << 20;
/** Pixels that are copied whole (64 MB); larger pictures go another way. */
const MOST_PACKED = 16_000_000;

/** Pixels that share a sample of chroma, across and down. */
const PLANAR: Partial<Record<VideoPixelFormat, [number, number]>> = {
  I420: [2, 2],
  I422: [2, 1],
  I444: [1, 1],
};
const PACKED: readonly (VideoPixelFormat | null)[] = ["BGRX", "RGBX", "BGRA", "RGBA"];

export class Planes implements Way {
  static readonly exists = typeof ImageDecoder !== "undefined" && typeof VideoFrame !== "undefined";
  readonly name = "planes";
  private readonly rooms = new RoomMaker();

  /** `strip`: pixels read back at once. */
  constructor(private readonly strip = STRIP) {}

  /** Each sampling takes other kernels, and colours as they are no kernel. */
  kindOf({ sampling }: JpegHeader): string {
    return sampling;
  }

  begin(plain: Uint8Array<ArrayBuffer>, { orientation }: JpegHeader): Begun {
    let decoder: ImageDecoder | undefined;
    const start = async () => {
      decoder = new ImageDecoder({ type: "image/jpeg", data: plain, preferAnimation: false });
      // Nobody waits for these; where it is closed early, Firefox would throw them at the page.
      for (const told of [decoder.completed, decoder.tracks.ready]) told.catch(() => undefined);
      return decoder.decode();
    };
    const decoded = start();
    decoded.catch(() => undefined); // It is said when the picture is taken.
    return {
      take: async () => {
        try {
          const { image, complete } = await decoded;
          try {
            if (!complete) throw new Error("the browser decoded a part");
            return await this.upright(image, orientation);
          } finally {
            image.close();
          }
        } finally {
          decoder?.close();
        }
      },
      drop: () => {
        decoded.then(({ image }) => image.close()).catch(() => undefined);
        decoder?.close();
      },
    };
  }

  private async upright(image: VideoFrame, orientation: number): Promise<Pixels> {
    const { format, visibleRect } = image;
    if (!format || !visibleRect) throw new Error("the browser shows no bytes of this picture");
    const { width, height } = visibleRect;
    const upright = new Upright(width, height, orientation);
    const rows = Math.min(height, Math.max(2, Math.floor(this.strip / width) & ~1));
    const planar = PLANAR[format];
    if (!planar) await this.takePacked(image, rows, upright);
    for (let top = 0; planar && top < height; top += rows) {
      await this.takePlanar(image, planar, top, Math.min(top + rows, height), upright);
    }
    return upright.pixels;
  }

  private async takePlanar(
    image: VideoFrame, [across, down]: [number, number], top: number, until: number, upright: Upright,
  ): Promise<void> {
    const { width, height } = image.visibleRect!;
    // Chroma between two rows needs both: a row of samples more at either end.
    const from = Math.max(top - 2, 0);
    const to = Math.min(until + 2, height);
    const samples = Math.ceil(width / across) * Math.ceil((to - from) / down);
    const { kernels, memory, places } = this.rooms.make([
      width * (to - from), samples, samples, 3 * width + 256, 3 * width * (until - top),
    ]);
    const [luma, blue, red, scratch, rgb] = places;
    const layout = [
      { offset: 0, stride: width },
      { offset: blue - luma, stride: Math.ceil(width / across) },
      { offset: red - luma, stride: Math.ceil(width / across) },
    ];
    const encoded = new Uint8Array(memory.buffer, luma, scratch - luma);
    await image.copyTo(encoded, { rect: { x: 0, y: from, width, height: to - from }, layout });
    kernels.colours(
      luma, blue, red, rgb, scratch, width, top - from, until - from, to - from, across, down,
    );
    upright.putOpaque(new Uint8Array(memory.buffer, rgb, 3 * width * (until - top)), top);
  }

  private async takePacked(image: VideoFrame, rows: number, upright: Upright): Promise<void> {
    const { width, height } = image.visibleRect!;
    if (!PACKED.includes(image.format)) throw new Error(`the browser gave ${image.format}`);
    if (width * height > MOST_PACKED) throw new Error("the picture is too large to be copied whole");
    // At once: Firefox copies all of it for each part that is asked for.
    const all = new Uint8Array(4 * width * height);
    await image.copyTo(all);
    const { kernels, memory, places } = this.rooms.make([4 * width * rows, 3 * width * rows]);
    const [packed, rgb] = places;
    for (let top = 0; top < height; top += rows) {
      const pixels = width * Math.min(rows, height - top);
      new Uint8Array(memory.buffer, packed).set(all.subarray(4 * width * top, 4 * (width * top + pixels)));
      kernels.opaque(packed, rgb, pixels, image.format!.startsWith("B"));
      upright.putOpaque(new Uint8Array(memory.buffer, rgb, 3 * pixels), top);
    }
  }
}
