// A question to the service worker, and its answer.

import type { FromPage, Kept, Mended } from "../../sw/protocol";

/** Mending may fetch the whole site over a slow line. */
const ANSWER_MS: Record<FromPage["kind"], number> = { check: 60_000, mend: 600_000, "use-now": 60_000 };

interface Answers {
  check: Kept;
  mend: Mended;
  "use-now": Kept;
}

/** Null where the worker does not answer: it may be of a version that does not know the question. */
export function ask<Kind extends FromPage["kind"]>(
  worker: ServiceWorker,
  kind: Kind,
): Promise<Answers[Kind] | null> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    const end = (answer: Answers[Kind] | null) => {
      clearTimeout(waiting);
      port1.close();
      resolve(answer);
    };
    const waiting = setTimeout(() => end(null), ANSWER_MS[kind]);
    port1.onmessage = (event: MessageEvent<Answers[Kind]>) => end(event.data);
    worker.postMessage({ kind }, [port2]);
  });
}
