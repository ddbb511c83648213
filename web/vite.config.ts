// The pages: web/build.py has this written to overread/edge/app, which the wheel carries.
import { preact } from "@preact/preset-vite";
import { defineConfig } from "vite";
import { kernels } from "./kernels/compile.ts";

/** What only the runtime for graphics processors needs lies apart: a site has it only if asked (--webgpu). */
const ofWebGpu = (name: string) => /webgpu|jsep|asyncify|jspi/i.test(name);
const place = (name: string | undefined, ending: string) =>
  `assets/${ofWebGpu(name ?? "") ? "webgpu/" : ""}[name]-[hash]${ending}`;
const output = {
  chunkFileNames: (chunk: { name: string }) => place(chunk.name, ".js"),
  assetFileNames: (asset: { names: readonly string[] }) => place(asset.names[0], "[extname]"),
};

// What jsPDF would load to draw HTML and SVG; no page asks for that.
const ONLY_FOR_HTML = ["canvg", "dompurify", "html2canvas"];

export default defineConfig({
  root: "src/edge",
  base: "./", // A site may be served from any folder of a host.
  publicDir: "../../public",
  plugins: [preact()],
  build: {
    outDir: "../../../overread/edge/app",
    emptyOutDir: true,
    target: ["chrome111", "firefox114", "safari16.4"], // WASM SIMD, module workers, top-level await
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { output, external: ONLY_FOR_HTML, checks: { pluginTimings: false } },
  },
  worker: { format: "es", plugins: () => [kernels()], rolldownOptions: { output, checks: { pluginTimings: false } } },
});
