import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { SiteFile } from "../../src/reader/site";
import { keepAll, mend, urlOf, type Progress } from "../../src/sw/keep";
import { host, MemoryCache } from "./shelves";

const root = new URL("https://clinic.test/skin/");
const page = root.href + "index.html";
const model = root.href + "bundle/network.small.onnx";

function file(path: string, text: string, precache = true): SiteFile {
  return { path, sha256: createHash("sha256").update(text).digest("hex"), bytes: text.length, precache };
}

const files = [file("index.html", "<html>"), file("bundle/network.small.onnx", "weights")];
const right = { [page]: "<html>", [model]: "weights" };

function sources(from: ReturnType<typeof host>, older: MemoryCache[] = []) {
  return { root, fetch: from.fetch, older };
}

describe("keepAll", () => {
  it("keeps every file with the headers of isolation and its own type, and counts bytes", async () => {
    const shelf = new MemoryCache();
    const told: Progress[] = [];
    await keepAll(files, shelf, sources(host(right)), (progress) => told.push(progress));
    expect(await (await shelf.match(model))?.text()).toBe("weights");
    const headers = (await shelf.match(page))?.headers;
    expect(headers?.get("Content-Type")).toBe("text/html; charset=utf-8");
    expect(headers?.get("Cross-Origin-Embedder-Policy")).toBe("require-corp");
    expect(told.at(-1)).toEqual({ bytes: 13, of: 13 });
  });

  it("names the file that was changed, and does not keep it", async () => {
    const shelf = new MemoryCache();
    const keeping = keepAll(files, shelf, sources(host({ ...right, [model]: "weightz" })));
    await expect(keeping).rejects.toMatchObject({ problem: "changed-file", where: files[1]?.path });
    expect(shelf.kept.has(model)).toBe(false);
  });

  it("asks past the browser's own cache before it says that a file was changed", async () => {
    const shelf = new MemoryCache();
    const from = host(right, { [model]: "weightz" });
    await keepAll(files, shelf, sources(from));
    expect(from.asked.filter((one) => one.endsWith(model))).toEqual([`no-cache ${model}`, `reload ${model}`]);
  });

  it("tells a file that the host lacks from one that could not be kept", async () => {
    const lacking = keepAll(files, new MemoryCache(), sources(host({ [page]: "<html>" })));
    await expect(lacking).rejects.toMatchObject({ problem: "missing-file", where: files[1]?.path });
    const silent = keepAll(files, new MemoryCache(), sources(host(null)));
    await expect(silent).rejects.toMatchObject({ problem: "missing-file" });
    const full = new MemoryCache();
    full.put = () => Promise.reject(new DOMException("", "QuotaExceededError"));
    await expect(keepAll(files, full, sources(host(right)))).rejects.toMatchObject({ problem: "no-space" });
  });

  it("goes on where it was interrupted", async () => {
    const shelf = new MemoryCache();
    await keepAll(files, shelf, sources(host({ [page]: "<html>" }))).catch(() => {});
    const again = host(right);
    await keepAll(files, shelf, sources(again));
    expect(again.asked).toEqual([`no-cache ${model}`]);
  });

  it("takes from an older version what did not change, and checks that too", async () => {
    const older = new MemoryCache();
    await older.put(model, new Response("weights"));
    await older.put(page, new Response("<old>"));
    const shelf = new MemoryCache();
    const from = host(right);
    await keepAll(files, shelf, sources(from, [older]));
    expect(from.asked).toEqual([`no-cache ${page}`]);
    expect(await (await shelf.match(page))?.text()).toBe("<html>");
  });

  it("leaves what is not to be kept at once", async () => {
    const from = host(right);
    await keepAll([file("index.html", "<html>", false)], new MemoryCache(), sources(from));
    expect(from.asked).toEqual([]);
  });
});

describe("mend", () => {
  it("fetches again what is damaged or gone, and nothing else", async () => {
    const shelf = new MemoryCache();
    await shelf.put(page, new Response("<html>"));
    await shelf.put(model, new Response("weightz"));
    const from = host(right);
    await mend([...files, file("assets/late.js", "x", false)], shelf, sources(from));
    expect(from.asked).toEqual([`no-cache ${model}`]);
    expect(await (await shelf.match(model))?.text()).toBe("weights");
  });
});

it("writes a path as an address", () => {
  expect(urlOf("bundle/a b#1.png", root)).toBe("https://clinic.test/skin/bundle/a%20b%231.png");
});
