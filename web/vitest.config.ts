import { defineConfig } from "vitest/config";
import { kernels } from "./kernels/compile.ts";

export default defineConfig({ plugins: [kernels()], test: { include: ["tests/**/*.test.ts"] } });
