import { beforeEach, expect, test, vi } from "vitest";
import { provenBefore, rememberProof } from "../../src/edge/proven";

const site = { digest: "c".repeat(64) };

beforeEach(() => {
  const kept = new Map<string, string>();
  vi.stubGlobal("localStorage", {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  });
  vi.stubGlobal("navigator", { userAgent: "Browser 1", languages: [] });
});

test("only this version in this browser is proven", () => {
  expect(provenBefore(site)).toBe(false);
  rememberProof(site, { passed: true });
  expect(provenBefore(site)).toBe(true);
  expect(provenBefore({ digest: "d".repeat(64) })).toBe(false);
  vi.stubGlobal("navigator", { userAgent: "Browser 2" });
  expect(provenBefore(site)).toBe(false);
});

test("a test that fails takes the proof away", () => {
  rememberProof(site, { passed: true });
  rememberProof(site, { passed: false });
  expect(provenBefore(site)).toBe(false);
});
