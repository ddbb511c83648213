import { describe, expect, it } from "vitest";
import { checkWhole, readableHeader } from "../../../src/reader/jpeg/whole";
import { decodePng } from "../../../src/reader/png/decode";
import { Refusal } from "../../../src/reader/refusal";
import { sha256 } from "../../../src/reader/sha256";
import { files, FOLDER, type FileCase } from "./vectors";

/** What a refusal says, or null; anything else that is thrown fails the test. */
async function refused(read: () => unknown): Promise<string | null> {
  try {
    await read();
    return null;
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    return thrown.reason;
  }
}

/** CMYK is read in Python alone. */
const hasPrintColours = ({ file }: FileCase) => readableHeader(file).components === 4;

describe.skipIf(!FOLDER)("as Python", () => {
  it("refuses JPEG files that are not whole, and no others", async () => {
    const cases = files("jpeg");
    let otherReasons = 0;
    for (const [at, one] of cases.entries()) {
      const reason = await refused(() => checkWhole(one.file, readableHeader(one.file)));
      if (one.reason === null && hasPrintColours(one)) expect(reason).toBe("unsupported");
      else expect(reason === null, `file ${at}: ${reason}, in Python ${one.reason}`).toBe(one.reason === null);
      if (one.reason !== null && reason !== one.reason) otherReasons += 1;
    }
    // Of several things that are wrong with a file libjpeg names the last, and we the first.
    expect(otherReasons).toBeLessThanOrEqual(cases.length / 100);
  });

  it("decodes PNG files of every kind to the same pixels, or refuses them for the same reason", async () => {
    for (const [at, { file, pixels, reason }] of files("png").entries()) {
      const decoded: string[] = [];
      const said = await refused(async () => decoded.push(await sha256((await decodePng(file)).data)));
      expect([said, decoded[0] ?? null], `file ${at}`).toEqual([reason, pixels]);
    }
  });
});
