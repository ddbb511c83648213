// A Vite plugin: `import bytes from "overread:kernels"` gives kernels/assembly as WASM, in base64; from
// "overread:kernels/shared" the same over a memory that threads share, which a module has to say of itself.
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import asc from "assemblyscript/asc";
import type { Plugin } from "vite";

const FOLDER = path.join(import.meta.dirname, "assembly");
const OPTIONS = ["-O3", "--runtime", "stub", "--noAssert", "--importMemory", "--enable", "simd", "--memoryBase", "1024"];
const SHARED = ["--enable", "threads", "--sharedMemory", "--maximumMemory", "65536"];
const BUILDS: Record<string, string[]> = {
  "overread:kernels": OPTIONS,
  "overread:kernels/shared": [...OPTIONS, ...SHARED],
};

export function kernels(): Plugin {
  return {
    name: "overread-kernels",
    resolveId: (id) => (id in BUILDS ? `\0${id}` : undefined),
    async load(id) {
      const options = id.startsWith("\0") ? BUILDS[id.slice(1)] : undefined;
      if (!options) return undefined;
      for (const name of await readdir(FOLDER)) this.addWatchFile(path.join(FOLDER, name));
      const wasm = Buffer.from(await compile(options)).toString("base64");
      return `export default ${JSON.stringify(wasm)};`;
    },
  };
}

async function compile(options: string[]): Promise<Uint8Array> {
  let wasm: Uint8Array | undefined;
  const { error, stderr } = await asc.main(["index.ts", "--outFile", "kernels.wasm", ...options], {
    readFile: (name) => readFile(path.join(FOLDER, name), "utf8").catch(() => null),
    writeFile: (_name, content) => {
      if (typeof content !== "string") wasm = content;
    },
    listFiles: () => [],
  });
  if (error || !wasm) throw new Error(`the kernels do not compile: ${error?.message ?? ""}\n${stderr.toString()}`);
  return wasm;
}
