import { defineConfig } from "vitest/config";
import { kernels } from "./kernels/compile.ts";

export default defineConfig({
  plugins: [kernels()],
  test: {
    include: ["tests/**/*.test.ts"],
    isolate: false, // a worker for all files takes a fifth of the time of one each; tests put back what they stub
  },
});
