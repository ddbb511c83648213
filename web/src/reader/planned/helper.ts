// A thread beside the reader's: it takes parts of the program, and sleeps between photographs.

import { kernelsOf } from "../kernels";
import { type Program, runCalls } from "./calls";
import { Queue } from "./queue";

export interface Task {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  /** Where the words of the queue lie. */
  words: number;
  program: Program;
}

self.onmessage = ({ data }: MessageEvent<Task>) => {
  const { module, memory, words, program } = data;
  const kernels = kernelsOf(module, memory);
  const queue = new Queue(new Int32Array(memory.buffer, words), program.after);
  self.postMessage("ready");
  for (;;) {
    queue.begun();
    queue.work((part) => runCalls(kernels, program.parts[part] ?? []));
  }
};
