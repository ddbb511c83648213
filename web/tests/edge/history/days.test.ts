import { expect, test } from "vitest";
import { byDay, dayName } from "../../../src/edge/history/days";
import { language } from "../../../src/messages";
import { madeKept } from "./made";

const at = (local: string) => madeKept({ id: local, readAt: new Date(local).toISOString() });

test("readings are put together by the device's own days", () => {
  const kept = ["2026-11-21T23:59", "2026-11-21T00:01", "2026-11-20T23:59"].map(at);
  expect(byDay(kept).map(({ day, kept: ofDay }) => [day, ofDay.length])).toEqual([
    ["2026-11-21", 2],
    ["2026-11-20", 1],
  ]);
});

test("today and yesterday are called so", () => {
  language.value = "en";
  const now = new Date("2026-03-29T23:30"); // The night in which summer time begins in Europe.
  expect(dayName("2026-03-29", now)).toBe("Today");
  expect(dayName("2026-03-27", now)).toMatch(/^Friday,? 27 March 2026$/);
  language.value = "de";
  expect(dayName("2026-03-28", now)).toBe("Gestern");
});
