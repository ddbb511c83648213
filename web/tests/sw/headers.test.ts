import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { isolated, mediaType, SITE_HEADERS } from "../../src/sw/headers";

it("gives workers the very policy that the page has", () => {
  const page = readFileSync(new URL("../../src/edge/index.html", import.meta.url), "utf8");
  expect(page.replace(/\s+/g, " ")).toContain(`content="${SITE_HEADERS["Content-Security-Policy"]}"`);
});

it("sends what the server sends where the host can", () => {
  const server = readFileSync(new URL("../../../overread/edge/serve.py", import.meta.url), "utf8");
  for (const part of ["Opener", "Embedder", "Resource"]) {
    const name = `Cross-Origin-${part}-Policy`;
    expect(server).toContain(`"${name}": "${SITE_HEADERS[name]}"`);
  }
});

it("knows the types that stop a page where they are wrong", () => {
  expect(mediaType("assets/ort-wasm-simd-threaded.mjs")).toMatch(/^text\/javascript/);
  expect(mediaType("assets/ort-wasm-simd-threaded.wasm")).toBe("application/wasm");
  expect(mediaType("manifest.webmanifest")).toBe("application/manifest+json");
  expect(mediaType("bundle/network.small.onnx")).toBe("application/octet-stream");
});

it("keeps the host's answer but for the headers", async () => {
  const response = isolated(new Response("a", { status: 203, headers: { "Content-Type": "text/x" } }));
  expect([response.status, await response.text()]).toEqual([203, "a"]);
  expect(response.headers.get("Content-Type")).toBe("text/x");
  expect(isolated(new Response(null, { status: 304 })).status).toBe(304);
});
