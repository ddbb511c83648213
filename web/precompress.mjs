// Compress the assets of a built app as far as brotli goes, once: `node precompress.mjs APP CACHE`.
// The runtime's WASM takes 20 s, and is the same from build to build: what is large is kept in the cache.

import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

const KINDS = new Set([".css", ".js", ".mjs", ".svg", ".wasm"]);
const [LEAST, LARGE] = [1 << 10, 1 << 20];
const [app, cache] = process.argv.slice(2);

function compress(content) {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
    [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
    [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
  };
  return brotliCompressSync(content, { params });
}

mkdirSync(cache, { recursive: true });
for (const name of readdirSync(join(app, "assets"), { recursive: true })) {
  const path = join(app, "assets", name);
  if (!KINDS.has(extname(name)) || name.startsWith("webgpu")) continue; // few sites have those
  const content = readFileSync(path);
  if (content.length < LEAST) continue;
  if (content.length < LARGE) {
    writeFileSync(`${path}.br`, compress(content));
    continue;
  }
  const kept = join(cache, `${createHash("sha256").update(content).digest("hex")}.br`);
  if (!existsSync(kept)) {
    writeFileSync(`${kept}.tmp`, compress(content));
    renameSync(`${kept}.tmp`, kept);
  }
  copyFileSync(kept, `${path}.br`);
}
