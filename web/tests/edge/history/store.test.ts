import { expect, test } from "vitest";
import { isFull } from "../../../src/edge/history/store";

test("a full device is told from a browser without storage", () => {
  expect(isFull(new DOMException("", "QuotaExceededError"))).toBe(true);
  expect(isFull(new DOMException("", "SecurityError"))).toBe(false);
  expect(isFull("text")).toBe(false);
});
