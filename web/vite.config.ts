// The pages: `npm run build` writes them to ../overread/edge/app, which the wheel carries.
import { preact } from "@preact/preset-vite";
import { defineConfig } from "vite";

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
    // What jsPDF imports for HTML and SVG only; no page calls that.
    rollupOptions: { external: ["canvg", "dompurify", "html2canvas"] },
  },
  worker: { format: "es" },
});
