import { describe, expect, it, vi } from "vitest";
import { proofOn } from "../../../src/reader/jpeg/proven";
import type { Way } from "../../../src/reader/jpeg/way";
import { sha256 } from "../../../src/reader/sha256";
import { jpegFile } from "./made";

const data = (colour: number) => Uint8Array.from([colour, colour, colour]);

/** Gives pixels of one colour for each sampling; null: it cannot. */
function wayOf(colours: Record<string, number | null>): Way {
  return {
    name: "planes",
    kindOf: ({ sampling }) => sampling,
    begin: (_, { sampling }) => ({
      take: async () => {
        const colour = colours[sampling];
        if (colour === null || colour === undefined) throw new Error("cannot");
        return { data: data(colour), width: 1, height: 1 };
      },
      drop: () => undefined,
    }),
  };
}

const known = async () => [
  { file: jpegFile([0x22, 0x11, 0x11]), pixels: await sha256(data(1)) },
  { file: jpegFile([0x11, 0x11, 0x11]), pixels: await sha256(data(2)) },
];
const [HALVED, FULL] = ["2x2 1x1 1x1", "1x1 1x1 1x1"];

describe("proofOn", () => {
  it("tells the samplings that a way decodes to the known pixels", async () => {
    const kinds = await proofOn(known)(wayOf({ [HALVED]: 1, [FULL]: 2 }));
    expect([HALVED, FULL, "2x1 1x1 1x1"].map((kind) => kinds?.has(kind))).toEqual([true, true, false]);
  });

  it("leaves out what a way cannot decode", async () => {
    const kinds = await proofOn(known)(wayOf({ [HALVED]: null, [FULL]: 2 }));
    expect([HALVED, FULL].map((kind) => kinds?.has(kind))).toEqual([false, true]);
  });

  it("trusts no way that gives other pixels once, or none at all", async () => {
    expect(await proofOn(known)(wayOf({ [HALVED]: 1, [FULL]: 3 }))).toBeNull();
    expect(await proofOn(known)(wayOf({}))).toBeNull();
  });

  it("trusts no way that does not answer", async () => {
    const silent = () => new Promise<never>(() => undefined);
    const way = { ...wayOf({}), begin: () => ({ take: silent, drop: () => undefined }) };
    expect(await proofOn(known, 1)(way)).toBeNull();
  });

  it("asks each way once", async () => {
    const pictures = vi.fn(known);
    const proof = proofOn(pictures);
    const way = wayOf({ [HALVED]: 1, [FULL]: 2 });
    await Promise.all([proof(way), proof(way)]);
    await proof(way);
    expect(pictures).toHaveBeenCalledOnce();
  });
});
