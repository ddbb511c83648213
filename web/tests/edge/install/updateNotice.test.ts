import { beforeEach, expect, it } from "vitest";
import { whatIsNew } from "../../../src/edge/install/UpdateNotice";
import { language } from "../../../src/messages";

beforeEach(() => {
  language.value = "en";
});

const old = { site: "1", bundle: "skin@1.0.0", digest: "a" };

it.each([
  ["another version of the reader", { ...old, bundle: "skin@1.1.0" }, /^skin@1.1.0 can take the place of/],
  ["another reader under the same name", { ...old, digest: "b" }, /^skin@1.0.0 was made anew/],
  ["the same reader in a new app", { ...old, site: "2" }, /^The reader stays the same/],
])("tells %s", (_, to, said) => {
  expect(whatIsNew({ kind: "ready", from: old, to })).toMatch(said);
});

it("does not call a reader the same where the old one is not known", () => {
  expect(whatIsNew({ kind: "ready", from: null, to: old })).toMatch(/made anew/);
});
