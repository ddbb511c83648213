// The page's end of the reader: one worker, one promise a call.

import * as Comlink from "comlink";
import type { ReaderApi } from "./contract";

export type ReaderClient = Comlink.Remote<ReaderApi>;

export function startReader(): ReaderClient {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "reader" });
  return Comlink.wrap<ReaderApi>(worker);
}
