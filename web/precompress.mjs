// Compress the large assets of a built app as far as brotli goes, once: `node precompress.mjs APP CACHE`.
// The runtime's WASM takes 20 s, and is the same from build to build.

import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

const LARGE = 1 << 20;
const [app, cache] = process.argv.slice(2);
mkdirSync(cache, { recursive: true });
for (const name of readdirSync(join(app, "assets"), { recursive: true })) {
  const path = join(app, "assets", name);
  if (!path.endsWith(".wasm") || name.startsWith("webgpu")) continue; // few sites have that one
  const content = readFileSync(path);
  if (content.length < LARGE) continue;
  const kept = join(cache, `${createHash("sha256").update(content).digest("hex")}.br`);
  if (!existsSync(kept)) {
    const params = {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    };
    writeFileSync(`${kept}.tmp`, brotliCompressSync(content, { params }));
    renameSync(`${kept}.tmp`, kept);
  }
  copyFileSync(kept, `${path}.br`);
}
