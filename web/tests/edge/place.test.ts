import { expect, test } from "vitest";
import { addressOf, place, placeOf } from "../../src/edge/place";

test("an address names a place and what of it", () => {
  expect(placeOf("#history/3fa2")).toEqual({ name: "history", rest: "3fa2" });
  expect(placeOf("#about")).toEqual({ name: "about", rest: "" });
});

test("an unknown address is where one begins", () => {
  expect(placeOf("")).toEqual({ name: "read", rest: "" });
  expect(placeOf("#elsewhere/1")).toEqual({ name: "read", rest: "" });
});

test("Read leads back to the photograph that one left for another place", () => {
  place.value = { name: "read", rest: "2" };
  expect(addressOf("read")).toBe("#read");
  place.value = { name: "history", rest: "3fa2" };
  expect([addressOf("read"), addressOf("history")]).toEqual(["#read/2", "#history"]);
});
