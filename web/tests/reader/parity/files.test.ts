import { describe, expect, it } from "vitest";
import { checkWhole, readableHeader } from "../../../src/reader/jpeg/whole";
import { decodePng } from "../../../src/reader/png/decode";
import { Refusal } from "../../../src/reader/refusal";
import { sha256 } from "../../../src/reader/sha256";
import { files, FOLDER } from "./vectors";

/** What a refusal says, or null; anything else that is thrown fails the test. */
async function refused(read: () => unknown): Promise<Refusal | null> {
  try {
    await read();
    return null;
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    return thrown;
  }
}

/** What Python reads and browsers decode in their own ways. */
const ONLY_IN_PYTHON = /CMYK|last scans/;

describe.skipIf(!FOLDER)("as Python", () => {
  it("refuses JPEG files that are not whole, and no others", async () => {
    const cases = files("jpeg");
    let [otherReasons, onlyInPython] = [0, 0];
    for (const [at, { file, reason }] of cases.entries()) {
      const said = await refused(() => checkWhole(file, readableHeader(file)));
      if (reason === null && said && ONLY_IN_PYTHON.test(said.message)) {
        expect(said.reason).toBe("unsupported");
        onlyInPython += 1;
      } else expect(said === null, `file ${at}: ${said?.message}, in Python ${reason}`).toBe(reason === null);
      if (reason !== null && said?.reason !== reason) otherReasons += 1;
    }
    expect(onlyInPython).toBeGreaterThan(0);
    expect(onlyInPython).toBeLessThan(cases.length / 10);
    // Of several things that are wrong with a file libjpeg names the last, and we the first.
    expect(otherReasons).toBeLessThanOrEqual(cases.length / 100);
  });

  it("decodes PNG files of every kind to the same pixels, or refuses them for the same reason", async () => {
    for (const [at, { file, pixels, reason }] of files("png").entries()) {
      const decoded: string[] = [];
      const said = await refused(async () => decoded.push(await sha256((await decodePng(file)).data)));
      expect([said?.reason ?? null, decoded[0] ?? null], `file ${at}`).toEqual([reason, pixels]);
    }
  });
});
