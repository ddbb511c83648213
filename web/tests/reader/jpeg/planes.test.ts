import { afterEach, describe, expect, it, vi } from "vitest";
import { Planes } from "../../../src/reader/jpeg/planes";
import type { JpegHeader } from "../../../src/reader/jpeg/header";

const FORMATS = { I420: [2, 2], I422: [2, 1], I444: [1, 1] } as const;
type Planar = keyof typeof FORMATS;

let state = 1;
const level = () => ((state = (state * 48271) % 2147483647) >> 8) & 255;

interface Plane {
  width: number;
  height: number;
  at(x: number, y: number): number;
}

/** Samples without order, among them the lowest and the highest. */
function plane(width: number, height: number): Plane {
  const samples = Uint8Array.from({ length: width * height }, () => {
    const one = level();
    return one < 20 ? 0 : one > 235 ? 255 : level();
  });
  const within = (value: number, most: number) => Math.min(Math.max(value, 0), most - 1);
  return { width, height, at: (x, y) => samples[within(y, height) * width + within(x, width)]! };
}

/** jdsample.c, one sample at a time. */
function chromaAt(chroma: Plane, [across, down]: readonly [number, number], x: number, y: number): number {
  if (across === 1) return chroma.at(x, y);
  const [column, row] = [x >> 1, down === 2 ? y >> 1 : y];
  if (chroma.width <= 2) return chroma.at(column, row);
  const beside = column + (x % 2 ? 1 : -1);
  if (down === 1) return (3 * chroma.at(column, row) + chroma.at(beside, row) + (x % 2 ? 2 : 1)) >> 2;
  const far = row + (y % 2 ? 1 : -1);
  const sum = (at: number) => 3 * chroma.at(at, row) + chroma.at(at, far);
  return (3 * sum(column) + sum(beside) + (x % 2 ? 7 : 8)) >> 4;
}

/** jdcolor.c. */
function colourOf(y: number, blue: number, red: number): number[] {
  const [cb, cr] = [blue - 128, red - 128];
  const rgb = [(91881 * cr + 32768) >> 16, (-22554 * cb - 46802 * cr + 32768) >> 16, (116130 * cb + 32768) >> 16];
  return rgb.map((part) => Math.min(Math.max(y + part, 0), 255));
}

function frameOf(format: string, planes: Plane[], sampling: readonly [number, number]) {
  const [luma] = planes;
  const { width, height } = luma!;
  const copyTo = async (
    room: Uint8Array,
    { rect, layout }: { rect: DOMRectInit; layout: { offset: number; stride: number }[] },
  ) => {
    planes.forEach((one, index) => {
      const [across, down] = index ? sampling : [1, 1];
      const [top, rows] = [rect.y! / down, Math.ceil(rect.height! / down)];
      expect(Number.isInteger(top)).toBe(true); // or a browser refuses
      for (let y = 0; y < rows; y++) {
        for (let x = 0; x < Math.ceil(width / across); x++) {
          room[layout[index]!.offset + y * layout[index]!.stride + x] = one.at(x, top + y);
        }
      }
    });
  };
  return { format, visibleRect: { x: 0, y: 0, width, height }, copyTo, close: vi.fn() };
}

function decoding(image: unknown, complete = true) {
  const closed = vi.fn();
  vi.stubGlobal(
    "ImageDecoder",
    class {
      completed = Promise.resolve();
      tracks = { ready: Promise.resolve() };
      decode = async () => ({ image, complete });
      close = closed;
    },
  );
  return closed;
}

const header = (orientation = 1) => ({ orientation, sampling: "2x2 1x1 1x1" }) as JpegHeader;
const FILE = new Uint8Array(0);

afterEach(() => vi.unstubAllGlobals());

describe("planes", () => {
  const sides = [1, 2, 3, 4, 5, 6, 16, 17, 33];
  const sizes = sides.flatMap((width) => [1, 2, 3, 8, 9].map((height) => [width, height] as const));

  it.each(Object.keys(FORMATS) as Planar[])("of %s become the colours that libjpeg-turbo makes", async (format) => {
    const planes = new Planes();
    for (const [width, height] of sizes) {
      const sampling = FORMATS[format];
      const [luma, blue, red] = made(width, height, sampling);
      decoding(frameOf(format, [luma, blue, red], sampling));
      const { data } = await planes.begin(FILE, header()).take();
      expect([...data], `${width} x ${height}`).toEqual(expected(luma, blue, red, sampling));
    }
  });

  it("are taken in strips where the picture is large, and no seam shows", async () => {
    const [width, height] = [21, 47];
    const sampling = FORMATS.I420;
    const [luma, blue, red] = made(width, height, sampling);
    const frame = frameOf("I420", [luma, blue, red], sampling);
    const copyTo = vi.spyOn(frame, "copyTo");
    decoding(frame);
    const { data } = await new Planes(16 * width).begin(FILE, header()).take();
    expect(copyTo.mock.calls.length).toBe(3);
    expect([...data]).toEqual(expected(luma, blue, red, sampling));
  });

  it.each(["BGRX", "RGBA"])("that are pixels already (%s) lose their fourth byte", async (format) => {
    const stored = Uint8Array.from({ length: 4 * 3 * 4 }, (_, at) => at);
    const copyTo = async (room: Uint8Array) => room.set(stored);
    decoding({ format, visibleRect: { x: 0, y: 0, width: 3, height: 4 }, copyTo, close: vi.fn() });
    const { data, width, height } = await new Planes(6).begin(FILE, header(6)).take(); // in two strips
    expect([width, height]).toEqual([4, 3]);
    const order = format === "BGRX" ? [2, 1, 0] : [0, 1, 2];
    const pixel = (at: number) => order.map((part) => 4 * at + part);
    expect([...data]).toEqual([9, 6, 3, 0, 10, 7, 4, 1, 11, 8, 5, 2].flatMap(pixel));
  });
});

describe("what was begun", () => {
  it.each([
    ["another format", { format: "NV12" }, true],
    ["no format", { format: null }, true],
    ["pixels too many to be copied whole", { format: "BGRX", visibleRect: { width: 4001, height: 4000 } }, true],
    ["a part of the picture", { format: "I420" }, false],
  ])("fails on %s, and frees all", async (_, changes, complete) => {
    const frame = { ...frameOf("I420", made(4, 4, [2, 2]), [2, 2]), ...changes };
    const closed = decoding(frame, complete);
    await expect(new Planes().begin(FILE, header()).take()).rejects.toThrow();
    expect([frame.close.mock.calls.length, closed.mock.calls.length]).toEqual([1, 1]);
  });

  it("fails where the browser does not even begin, and drops what is not there", async () => {
    const refused = vi.fn(function () {
      throw new TypeError("not allowed");
    });
    vi.stubGlobal("ImageDecoder", refused);
    const begun = new Planes().begin(FILE, header());
    await expect(begun.take()).rejects.toThrow("not allowed");
    begun.drop();
  });

  it("throws nothing at the page where it is dropped before it is done", async () => {
    const aborted = () => Promise.reject(new Error("Closed decoder")); // as Firefox does
    vi.stubGlobal(
      "ImageDecoder",
      class {
        completed = aborted();
        tracks = { ready: aborted() };
        decode = aborted;
        close = vi.fn();
      },
    );
    const thrown = vi.fn();
    process.on("unhandledRejection", thrown);
    new Planes().begin(FILE, header()).drop();
    await new Promise((resolve) => setTimeout(resolve)); // Only now is it known that nobody listens.
    process.off("unhandledRejection", thrown);
    expect(thrown).not.toHaveBeenCalled();
  });

  it("frees all where it is dropped", async () => {
    const frame = frameOf("I420", made(4, 4, [2, 2]), [2, 2]);
    const closed = decoding(frame);
    new Planes().begin(FILE, header()).drop();
    await vi.waitFor(() => expect(frame.close).toHaveBeenCalledOnce());
    expect(closed).toHaveBeenCalledOnce();
  });
});

function made(width: number, height: number, [across, down]: readonly [number, number]): [Plane, Plane, Plane] {
  const chroma = () => plane(Math.ceil(width / across), Math.ceil(height / down));
  return [plane(width, height), chroma(), chroma()];
}

function expected(luma: Plane, blue: Plane, red: Plane, sampling: readonly [number, number]): number[] {
  const pixels: number[] = [];
  for (let y = 0; y < luma.height; y++) {
    for (let x = 0; x < luma.width; x++) {
      const [cb, cr] = [chromaAt(blue, sampling, x, y), chromaAt(red, sampling, x, y)];
      pixels.push(...colourOf(luma.at(x, y), cb, cr));
    }
  }
  return pixels;
}
