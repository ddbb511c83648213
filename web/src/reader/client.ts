// The page's end of the reader: one worker, one promise a call.

import * as Comlink from "comlink";
import { PatientReader, type WorkerEnd } from "./patience";
import type { ReaderApi } from "./contract";
import type { Reader } from "./reader";

export type ReaderClient = ReaderApi;

export function startReader(): ReaderClient {
  return new PatientReader(startWorker);
}

function startWorker(): WorkerEnd {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "reader" });
  const failed = new Promise<string>((resolve) => {
    worker.addEventListener("error", (event) => resolve(event.message || "its script did not load"));
  });
  return { reader: Comlink.wrap<Reader>(worker), failed, stop: () => worker.terminate() };
}
