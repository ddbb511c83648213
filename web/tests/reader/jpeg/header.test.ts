import { describe, expect, it } from "vitest";
import { exifOrientation } from "../../../src/reader/exif";
import { hasTallChroma, plainFile, readHeader } from "../../../src/reader/jpeg/header";

const text = (letters: string) => Array.from(letters, (letter) => letter.charCodeAt(0));
const segment = (marker: number, body: number[]) => [0xff, marker, (body.length + 2) >> 8, (body.length + 2) & 255, ...body];

function exif(orientation: number): number[] {
  return [...text("Exif\0\0"), ...text("MM\0*"), 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0];
}

const SOI = [0xff, 0xd8];
const JFIF = segment(0xe0, [...text("JFIF\0"), 1, 1, 0, 0, 1, 0, 1, 0, 0]);
const ADOBE = segment(0xee, [...text("Adobe"), 0, 100, 0, 0, 0, 0, 1]);
const FRAME = segment(0xc0, [8, 0, 2, 0, 3, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]);
const SCAN = [...segment(0xda, [3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]), 1, 2, 3, 0xff, 0xd9];
const beside = [segment(0xe1, exif(6)), segment(0xe2, text("ICC_PROFILE\0")), segment(0xfe, text("a name"))];

describe("readHeader", () => {
  it("tells size, kind and orientation", () => {
    const header = readHeader(Uint8Array.from([...SOI, ...beside.flat(), ...FRAME, ...SCAN]));
    expect(header).toMatchObject({ frame: 0xc0, precision: 8, width: 3, height: 2, components: 3, orientation: 6 });
  });

  it("tells how chroma is sampled", () => {
    const header = readHeader(Uint8Array.from([...SOI, ...FRAME, ...SCAN]));
    expect([header.sampling, hasTallChroma(header)]).toEqual(["2x2 1x1 1x1", false]);
    expect(hasTallChroma({ ...header, sampling: "1x2 1x1 1x1" })).toBe(true);
    expect(hasTallChroma({ ...header, sampling: "1x2" })).toBe(false);
  });

  it("takes orientation 1 where none is stated", () => {
    expect(readHeader(Uint8Array.from([...SOI, ...FRAME, ...SCAN])).orientation).toBe(1);
  });

  it.each([
    ["truncated", [...SOI, ...JFIF, ...FRAME]],
    ["truncated", [...SOI, ...JFIF.slice(0, 9)]],
    ["damaged", [...SOI, ...JFIF, ...SCAN]],
    ["damaged", [...SOI, 0xff, 0xd9, 0, 0, 0, 0]],
  ])("refuses as %s what has no picture", (reason, file) => {
    expect(() => readHeader(Uint8Array.from(file))).toThrow(expect.objectContaining({ reason }));
  });
});

describe("plainFile", () => {
  it("leaves out what turns or colours, keeps what says how samples are stored", () => {
    const file = Uint8Array.from([...SOI, ...beside[0]!, ...JFIF, ...beside[1]!, ...ADOBE, ...beside[2]!, ...FRAME, ...SCAN]);
    const plain = Uint8Array.from([...SOI, ...JFIF, ...ADOBE, ...FRAME, ...SCAN]);
    expect(plainFile(file, readHeader(file))).toEqual(plain);
  });
});

describe("exifOrientation", () => {
  it.each([0, 9, 255])("does not know orientation %i", (orientation) => {
    expect(exifOrientation(Uint8Array.from(exif(orientation).slice(6)))).toBe(0);
  });

  it("does not stumble over a block that is cut", () => {
    for (let end = 0; end < 18; end++) expect(exifOrientation(Uint8Array.from(exif(6).slice(6, 6 + end)))).toBe(0);
  });
});
