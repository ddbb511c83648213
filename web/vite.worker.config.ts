// The service worker: one classic script beside index.html, so that its scope is the whole site.
import { defineConfig } from "vite";

export default defineConfig({
  publicDir: false,
  build: {
    outDir: "../overread/edge/app",
    emptyOutDir: false,
    target: ["chrome111", "firefox114", "safari16.4"],
    lib: { entry: "src/sw/sw.ts", formats: ["iife"], name: "overread", fileName: () => "sw.js" },
  },
});
