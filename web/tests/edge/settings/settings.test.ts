import { expect, test } from "vitest";
import { DEFAULTS, parseSettings } from "../../../src/edge/settings/settings";
import { siteKey } from "../../../src/edge/settings/siteKey";

test("nothing kept gives the defaults, with the history on", () => {
  expect(parseSettings(null)).toEqual(DEFAULTS);
  expect(DEFAULTS.keepHistory).toBe(true);
});

test("what was kept comes back", () => {
  const kept = { language: "de", theme: "dark", keepHistory: false, gpu: true };
  expect(parseSettings(JSON.stringify(kept))).toEqual(kept);
});

test.each(["{", "null", "7", '"text"', "[]"])("damaged settings (%s) give the defaults", (text) => {
  expect(parseSettings(text)).toEqual(DEFAULTS);
});

test("one value that does not exist leaves the others", () => {
  const text = JSON.stringify({ language: "fr", theme: 3, keepHistory: "no", gpu: true });
  expect(parseSettings(text)).toEqual({ ...DEFAULTS, gpu: true });
});

test("two sites of one host keep apart", () => {
  const [one, other] = ["https://host/skin/index.html#read", "https://host/chest/"].map((address) =>
    siteKey("history", address),
  );
  expect(one).not.toBe(other);
  expect(one).toBe(siteKey("history", "https://host/skin/"));
});
