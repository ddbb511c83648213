import { expect, test } from "vitest";
import { Upright } from "../../src/reader/pixels";

const rgba = (width: number, height: number) =>
  Uint8ClampedArray.from({ length: width * height * 4 }, (_, at) => (at * 37 + 200) % 256);

test.each([
  [8, 6, 3],
  [5, 7, 2],
  [3, 3, 1],
  [1, 1, 1],
  [4, 5, 5],
])("%i x %i pixels in strips of %i rows keep their colours and lose alpha", (width, height, strip) => {
  const all = rgba(width, height);
  const upright = new Upright(width, height, 1);
  for (let top = 0; top < height; top += strip) {
    upright.put(all.slice(top * width * 4, (top + strip) * width * 4), top);
  }
  expect([...upright.pixels.data]).toEqual([...all].filter((_, at) => at % 4 !== 3));
});

test.each([1, 2, 3, 4, 5, 6, 7, 8])("pixels without alpha go where those with it go, orientation %i", (orientation) => {
  const all = rgba(5, 4);
  const [plain, other] = [new Upright(5, 4, orientation), new Upright(5, 4, orientation)];
  for (const top of [0, 2]) {
    const rows = all.slice(top * 20, (top + 2) * 20);
    plain.put(rows, top);
    other.putOpaque(Uint8Array.from(rows.filter((_, at) => at % 4 !== 3)), top);
  }
  expect([...other.pixels.data]).toEqual([...plain.pixels.data]);
});

test("a picture turned by half has its pixels in reverse", () => {
  const all = rgba(6, 4);
  const [plain, turned] = [new Upright(6, 4, 1), new Upright(6, 4, 3)];
  plain.put(all, 0);
  turned.put(all, 0);
  const of = (data: Uint8Array) => Array.from({ length: 24 }, (_, at) => [...data.subarray(at * 3, at * 3 + 3)].join());
  expect(of(turned.pixels.data)).toEqual(of(plain.pixels.data).reverse());
});
