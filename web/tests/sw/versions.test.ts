import { expect, it } from "vitest";
import { Versions } from "../../src/sw/versions";
import { asCacheStorage, MemoryStorage } from "./shelves";

const root = new URL("https://clinic.test/skin/");

it("forgets what it accepted once the browser has thrown it away", async () => {
  const storage = new MemoryStorage();
  const versions = new Versions(asCacheStorage(storage), "overread /skin/ kept", root);
  expect(await versions.accepted()).toBeNull();
  await versions.open("one");
  await versions.accept("one");
  expect(await versions.accepted()).toBe("one");
  await storage.delete("overread /skin/ kept version one");
  expect(await versions.accepted()).toBeNull();
});

it("deletes its own old versions and nothing of another site on the same host", async () => {
  const storage = new MemoryStorage();
  const skin = new Versions(asCacheStorage(storage), "overread /skin/ kept", root);
  const other = new URL("https://clinic.test/chest/");
  const chest = new Versions(asCacheStorage(storage), "overread /chest/ kept", other);
  for (const version of ["one", "two"]) await skin.open(version);
  await chest.open("one");
  await skin.accept("two");
  await skin.keepOnly(["two"]);
  expect(await skin.all()).toEqual(["two"]);
  expect(await chest.all()).toEqual(["one"]);
  expect(await skin.accepted()).toBe("two");
});
