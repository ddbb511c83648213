import { createHash } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { answer, pathOf, type Answering } from "../../src/sw/answer";
import { SITE_HEADERS } from "../../src/sw/headers";
import { Versions } from "../../src/sw/versions";
import { asCacheStorage, host, MemoryStorage, type Host } from "./shelves";

const root = new URL("https://clinic.test/skin/");
const sha256 = createHash("sha256").update("late").digest("hex");
const late = { path: "late.png", sha256, bytes: 4, precache: false };
let versions: Versions;
let online: Host;

beforeEach(async () => {
  versions = new Versions(asCacheStorage(new MemoryStorage()), "overread /skin/ kept", root);
  online = host({ [root.href + "late.png"]: "late", [root.href + "index.html"]: "from the host" });
  await keep("old", { "index.html": "old page", "assets/old.js": "old script" });
  await keep("new", { "index.html": "new page", "assets/new.js": "new script" });
});

async function keep(version: string, files: Record<string, string>): Promise<void> {
  const cache = await versions.open(version);
  for (const [path, text] of Object.entries(files)) await cache.put(root.href + path, new Response(text));
}

function ask(address: string, from: Host = online, init?: RequestInit): Promise<Response> {
  const files = new Map([[late.path, late]]);
  const sources = { root, fetch: from.fetch, older: [] };
  const answering: Answering = { sources, versions, version: "new", files };
  return answer(new Request(new URL(address, root), init), answering);
}

describe("answer", () => {
  it("gives the version that was accepted, not the newest, and asks no host", async () => {
    await versions.accept("old");
    expect(await (await ask("./")).text()).toBe("old page");
    await versions.accept("new");
    expect(await (await ask("index.html?from=icon#read")).text()).toBe("new page");
    expect(online.asked).toEqual([]);
  });

  it("gives a page of another version the scripts that it still asks for, but no other file", async () => {
    await versions.accept("new");
    await keep("old", { "bundle/bundle.json": "{}" });
    expect(await (await ask("assets/old.js")).text()).toBe("old script");
    expect((await ask("bundle/bundle.json")).status).toBe(404);
  });

  it("never asks elsewhere, nor for what is not the site's", async () => {
    await versions.accept("new");
    expect((await ask("https://elsewhere.test/pixel.gif")).type).toBe("error");
    expect((await ask("https://clinic.test/other/index.html")).type).toBe("error");
    expect((await ask("sw.js.br")).status).toBe(404);
    expect((await ask("./", online, { method: "POST", body: "x" })).status).toBe(405);
    expect(online.asked).toEqual([]);
  });

  it("fetches, checks and keeps a file of the version that was not kept at once", async () => {
    await versions.accept("new");
    expect(await (await ask("late.png")).text()).toBe("late");
    expect(await (await ask("late.png", host(null))).text()).toBe("late");
    const changed = host({ [root.href + "late.png"]: "lat3" });
    await (await versions.open("new")).put(root.href + "late.png", new Response("late"));
    expect(await (await ask("late.png", changed)).text()).toBe("late");
  });

  it("does not hand on a file that the host has changed", async () => {
    await versions.accept("new");
    expect((await ask("late.png", host({ [root.href + "late.png"]: "lat3" }))).status).toBe(503);
  });

  it("steps aside where the browser has thrown everything away, and still isolates", async () => {
    const response = await ask("index.html");
    expect(await response.text()).toBe("from the host");
    const opener = "Cross-Origin-Opener-Policy";
    expect(response.headers.get(opener)).toBe(SITE_HEADERS[opener]);
    expect((await ask("index.html", host(null))).type).toBe("error");
  });
});

describe("pathOf", () => {
  it.each([
    ["https://clinic.test/skin/", "index.html"],
    ["https://clinic.test/skin/?source=icon", "index.html"],
    ["https://clinic.test/skin/a%20b.png", "a b.png"],
    ["https://clinic.test/", null],
    ["https://clinic.test/skinny/index.html", null],
    ["https://elsewhere.test/skin/", null],
    ["https://clinic.test/skin/%E0%A4%A", null],
  ])("%s is %s", (address, path) => {
    expect(pathOf(address, root)).toBe(path);
  });
});
