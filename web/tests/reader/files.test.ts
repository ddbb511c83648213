import { createHash } from "node:crypto";
import { afterEach, describe, expect, it, vi } from "vitest";
import { checked, parseSite, siteDigest, SiteFiles } from "../../src/reader/files";
import type { Site } from "../../src/reader/site";

const hash = (content: string | Uint8Array) => createHash("sha256").update(content).digest("hex");
const bytes = (text: string) => new TextEncoder().encode(text);

function siteOf(contents: Record<string, string>): Site {
  const files = Object.entries(contents).map(([path, content]) => {
    return { path, sha256: hash(content), bytes: bytes(content).length, precache: true };
  });
  const lines = files.map((one) => `${one.path} ${one.sha256}\n`).sort();
  return { schema_version: 1, files, digest: hash(lines.join("")) } as unknown as Site;
}

const SITE = siteOf({ "bundle/network.onnx": "a network", "assets/é.js": "a script", "assets/z.js": "another" });
const asBytes = (site: Site) => bytes(JSON.stringify(site));

afterEach(() => vi.unstubAllGlobals());

describe("parseSite", () => {
  it("takes a site that agrees with itself", async () => {
    expect((await parseSite(asBytes(SITE))).digest).toBe(await siteDigest(SITE.files));
  });

  it.each([
    ["another digest of a file", { files: [{ ...SITE.files[0]!, sha256: hash("x") }, ...SITE.files.slice(1)] }],
    ["a file less", { files: SITE.files.slice(1) }],
    ["another digest", { digest: hash("x") }],
    ["another schema", { schema_version: 2 as 1 }],
  ])("refuses %s", async (_, change) => {
    await expect(parseSite(asBytes({ ...SITE, ...change }))).rejects.toMatchObject({ problem: "changed-file", where: "site.json" });
  });

  it("refuses what is no JSON", async () => {
    await expect(parseSite(bytes("<html>"))).rejects.toMatchObject({ problem: "changed-file" });
  });
});

describe("checked", () => {
  const path = "bundle/network.onnx";

  it("gives the bytes that the site was made of", async () => {
    expect(await checked(SITE, path, Promise.resolve(bytes("a network")))).toEqual(bytes("a network"));
  });

  it.each(["a netwOrk", "a networ", "a network "])("refuses %j and names the file", async (content) => {
    await expect(checked(SITE, path, bytes(content))).rejects.toMatchObject({ problem: "changed-file", where: path });
  });

  it("refuses a file that the site does not list", async () => {
    await expect(checked(SITE, "bundle/other.onnx", bytes("a network"))).rejects.toMatchObject({ problem: "changed-file" });
  });
});

describe("SiteFiles", () => {
  const files = new SiteFiles(new URL("https://host.example/skin/"));

  it("asks below the site's folder", async () => {
    const fetch = vi.fn(async () => new Response("content"));
    vi.stubGlobal("fetch", fetch);
    expect(await files.fetch("bundle/bundle.json")).toEqual(bytes("content"));
    expect(fetch).toHaveBeenCalledWith(new URL("https://host.example/skin/bundle/bundle.json"));
  });

  it("says which file is not there", async () => {
    vi.stubGlobal("fetch", async () => new Response("", { status: 404 }));
    const said = { problem: "missing-file", where: "a.onnx", detail: "the host answered 404" };
    await expect(files.fetch("a.onnx")).rejects.toEqual(said);
  });

  it("asks twice before it says that the network is off", async () => {
    const fetch = vi.fn().mockRejectedValueOnce(new TypeError("off")).mockResolvedValueOnce(new Response("content"));
    vi.stubGlobal("fetch", fetch);
    expect(await files.fetch("a.onnx")).toEqual(bytes("content"));
    fetch.mockRejectedValue(new TypeError("off"));
    await expect(files.fetch("a.onnx")).rejects.toEqual({ problem: "missing-file", where: "a.onnx", detail: "off" });
  });

  it("tells paths from addresses", () => {
    expect(files.pathOf("https://host.example/skin/assets/r%C3%A9.wasm")).toBe("assets/ré.wasm");
  });
});
