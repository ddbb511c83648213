// A Vite plugin: `import bytes from "overread:kernels"` gives kernels/assembly as WASM, in base64.
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import asc from "assemblyscript/asc";
import type { Plugin } from "vite";

const FOLDER = path.join(import.meta.dirname, "assembly");
const NAME = "overread:kernels";
const OPTIONS = ["-O3", "--runtime", "stub", "--noAssert", "--importMemory", "--enable", "simd", "--memoryBase", "1024"];

export function kernels(): Plugin {
  const resolved = `\0${NAME}`;
  return {
    name: "overread-kernels",
    resolveId: (id) => (id === NAME ? resolved : undefined),
    async load(id) {
      if (id !== resolved) return undefined;
      for (const name of await readdir(FOLDER)) this.addWatchFile(path.join(FOLDER, name));
      const wasm = Buffer.from(await compile()).toString("base64");
      return `export default ${JSON.stringify(wasm)};`;
    },
  };
}

async function compile(): Promise<Uint8Array> {
  let wasm: Uint8Array | undefined;
  const { error, stderr } = await asc.main(["index.ts", "--outFile", "kernels.wasm", ...OPTIONS], {
    readFile: (name) => readFile(path.join(FOLDER, name), "utf8").catch(() => null),
    writeFile: (_name, content) => {
      if (typeof content !== "string") wasm = content;
    },
    listFiles: () => [],
  });
  if (error || !wasm) throw new Error(`the kernels do not compile: ${error?.message ?? ""}\n${stderr.toString()}`);
  return wasm;
}
