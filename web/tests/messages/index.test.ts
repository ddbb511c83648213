import { expect, test } from "vitest";
import { de, en, languageOf } from "../../src/messages";

// The same in both languages, and rightly so.
const SAME = new Set(["Routine", "Overread", "English", "Deutsch"]);

function texts(value: unknown, path: string): [string, unknown][] {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return Object.entries(value).flatMap(([key, part]) => texts(part, `${path}.${key}`));
  }
  return [[path, value]];
}

test("every text stands in both languages", () => {
  const kinds = (messages: unknown) => texts(messages, "").map(([path, value]) => `${path}: ${typeof value}`);
  expect(kinds(de).sort()).toEqual(kinds(en).sort());
});

test("no text was left in the other language", () => {
  const german = new Map(texts(de, ""));
  const same = texts(en, "").filter(([path, text]) => {
    return typeof text === "string" && /[a-z]{4}/i.test(text) && german.get(path) === text && !SAME.has(text);
  });
  expect(same).toEqual([]);
});

test("no text with parameters was left in the other language", () => {
  const german = new Map(texts(de, ""));
  const written = (text: unknown) => {
    if (typeof text !== "function") return "";
    const parts = Array.from({ length: text.length }, (_, index) => `<${index}>`);
    return String(Reflect.apply(text, undefined, parts));
  };
  const same = texts(en, "").filter(([path, text]) => {
    const words = written(text).replaceAll(/<\d>/g, "");
    return /[a-z]{4}/i.test(words) && written(german.get(path)) === written(text);
  });
  expect(same.map(([path]) => path)).toEqual([]);
});

test("the first language that the browser asks for and the page speaks is taken", () => {
  expect(languageOf("auto", ["fr-FR", "de-AT", "en"])).toBe("de");
  expect(languageOf("auto", ["en-US", "de"])).toBe("en");
  expect(languageOf("auto", ["fr"])).toBe("en");
  expect(languageOf("en", ["de"])).toBe("en");
});
