import { describe, expect, it, vi } from "vitest";
import { PhotoDecoder } from "../../src/reader/decode";
import { UNASKED, type Proof } from "../../src/reader/jpeg/proven";
import type { Way, WayName } from "../../src/reader/jpeg/way";
import { sha256 } from "../../src/reader/sha256";
import { jpegFile } from "./jpeg/made";

const FILE = jpegFile([0x22, 0x11, 0x11]);

/** A way whose pictures are of one colour; null: it gives up. */
function wayOf(name: WayName, colour: number | null) {
  const drop = vi.fn();
  const take = async () => {
    if (colour === null) throw new Error(`${name} gives up`);
    return { data: Uint8Array.from([colour]), width: 1, height: 1 };
  };
  const begin = vi.fn<Way["begin"]>(() => ({ take, drop }));
  return { name, kindOf: () => "any", begin, drop };
}

const proven =
  (kinds: Partial<Record<WayName, string[] | null>>): Proof =>
  async ({ name }) => {
    const found = kinds[name];
    return found ? new Set(found) : null;
  };
const colourOf = async (decoder: PhotoDecoder) => (await decoder.decode(FILE)).data[0];
const [planes, browser, codec] = [wayOf("planes", 1), wayOf("browser", 2), wayOf("codec", 3)];
const ALL = [planes, browser, codec];

describe("a JPEG is decoded", () => {
  it.each([
    ["the first way that is right", { planes: ["any"] }, 1, "planes"],
    ["the next where the first is right for other files only", { planes: ["other"], browser: ["any"] }, 2, "planes"],
    ["the next where the first gives other pixels", { planes: null, browser: ["any"] }, 2, "browser"],
    ["the last, which needs no proof, where no other is right", {}, 3, "codec"],
  ])("by %s", async (_, kinds, colour, kind) => {
    const decoder = new PhotoDecoder(ALL, proven(kinds));
    expect([await colourOf(decoder), decoder.kind]).toEqual([colour, kind]);
  });

  it("by the next way where one gives up, which is not said of it for good", async () => {
    const decoder = new PhotoDecoder([wayOf("planes", null), browser, codec], UNASKED);
    expect([await colourOf(decoder), decoder.kind, decoder.notes]).toEqual([2, "planes", []]);
  });

  it("by none where the last gives up", async () => {
    const decoder = new PhotoDecoder([wayOf("planes", null), wayOf("codec", null)], UNASKED);
    await expect(decoder.decode(FILE)).rejects.toThrow("codec gives up");
  });
});

it("a file that is not whole is refused, and what was begun is dropped", async () => {
  const way = wayOf("planes", 1);
  await expect(new PhotoDecoder([way, codec], UNASKED).decode(FILE.slice(0, -3))).rejects.toThrow("end too early");
  expect(way.drop).toHaveBeenCalledOnce();
});

describe("choose", () => {
  it("asks ways until one is right, and notes what was left", async () => {
    const decoder = new PhotoDecoder(ALL, proven({ browser: ["any"] }));
    await decoder.choose();
    expect(decoder.kind).toBe("browser");
    expect(decoder.notes).toEqual(["WebCodecs does not give Python's pixels of JPEG here, and is left"]);
  });

  it("does not ask the slower ones where the fastest is right", async () => {
    const proof = vi.fn(proven({ planes: ["any"] }));
    await new PhotoDecoder(ALL, proof).choose();
    expect(proof).toHaveBeenCalledOnce();
  });
});

describe("a picture with known pixels", () => {
  const known = (colour: number) => sha256(Uint8Array.from([colour]));

  it("keeps a way that gives them", async () => {
    const decoder = new PhotoDecoder(ALL, UNASKED);
    expect((await decoder.decodeKnown(FILE, await known(1))).same).toBe(true);
    expect(decoder.kind).toBe("planes");
  });

  it("takes from all that give others, up to the one that does", async () => {
    const decoder = new PhotoDecoder(ALL, UNASKED);
    const { pixels, same } = await decoder.decodeKnown(FILE, await known(3));
    expect([pixels.data[0], same, decoder.kind, decoder.notes.length]).toEqual([3, true, "codec", 2]);
  });

  it("is said to differ where even the last gives others", async () => {
    const { same } = await new PhotoDecoder(ALL, UNASKED).decodeKnown(FILE, await known(4));
    expect(same).toBe(false);
  });
});
