import { expect, test } from "vitest";
import { labelOf, valueOf, withField } from "../../../src/edge/read/metadata";
import { language } from "../../../src/messages";

const age = { name: "age", kind: "number" as const, categories: [], unit: "years", missing: 0 };

test("what is not known is left out", () => {
  expect(withField({ age: 60 }, "sex", "F")).toEqual({ age: 60, sex: "F" });
  expect(withField({ age: 60, sex: "F" }, "sex", "")).toEqual({ age: 60 });
  expect(withField({ age: 60 }, "age", null)).toEqual({});
  expect(withField({}, "age", 0)).toEqual({ age: 0 });
});

test("fields are called as the language calls them, unknown ones by their name", () => {
  language.value = "de";
  expect([labelOf(age), valueOf(age, { age: 63 })]).toEqual(["Alter", "63 Jahre"]);
  expect(labelOf({ name: "device" })).toBe("device");
  language.value = "en";
  expect(valueOf(age, {})).toBeNull();
});
