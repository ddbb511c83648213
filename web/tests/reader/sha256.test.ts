import { createHash } from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import { hex, sha256, sha256Here } from "../../src/reader/sha256";

/** Made bytes of any length. */
function bytes(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 3)) & 255);
}

const said = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");

describe("sha256Here", () => {
  it("has the digest of FIPS 180-4's example", () => {
    const digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    expect(hex(sha256Here(new TextEncoder().encode("abc")))).toBe(digest);
  });

  it.each([0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000])("agrees with Node for %i bytes", (length) => {
    expect(hex(sha256Here(bytes(length)))).toBe(said(bytes(length)));
  });

  it("hashes a part of a larger buffer", () => {
    expect(hex(sha256Here(bytes(300).subarray(7, 200)))).toBe(said(bytes(300).subarray(7, 200)));
  });
});

describe("sha256", () => {
  it("needs no secure context", async () => {
    vi.stubGlobal("crypto", {});
    expect(await sha256(bytes(99))).toBe(said(bytes(99)));
    vi.unstubAllGlobals();
    expect(await sha256(bytes(99))).toBe(said(bytes(99)));
  });
});
