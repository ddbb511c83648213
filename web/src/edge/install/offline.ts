// Whether this device keeps the site, and whether a new version waits: the page's end of the service worker.

import { signal } from "@preact/signals";
import type { Failure, Kept, ToPage, Version } from "../../sw/protocol";
import { problem } from "../state";
import { ask } from "./talk";

export type Offline =
  | { kind: "unknown" }
  | { kind: "insecure" } // http from another machine: no browser keeps such a page
  | { kind: "unsupported" } // a private window, or a browser without service workers
  | { kind: "keeping"; bytes: number; of: number }
  | { kind: "kept" }
  | { kind: "failed"; failure: Failure | null };

export type Update =
  | { kind: "ready"; from: Version | null; to: Version }
  | { kind: "elsewhere" } // accepted in another tab: this one still runs the old version
  | { kind: "failed"; failure: Failure };

export const offline = signal<Offline>({ kind: "unknown" });
/** Null: nothing to tell. */
export const update = signal<Update | null>(null);

const LOOK_AGAIN_MS = 3_600_000;

let keeping: Promise<boolean> | null = null;
let registered: ServiceWorkerRegistration | null = null;

/** Keep the site on this device. True once a version is kept; false where it cannot be. */
export function keepOffline(): Promise<boolean> {
  keeping ??= register();
  return keeping;
}

/** The version that is ready is the one to use from now on; loads the page again. */
export async function useNow(): Promise<void> {
  const worker = newest(await registration());
  if (worker) await ask(worker, "use-now");
  location.reload();
}

/** This site's, if there is one. */
export async function registration(): Promise<ServiceWorkerRegistration | undefined> {
  if (!("serviceWorker" in navigator)) return undefined;
  return navigator.serviceWorker.getRegistration(document.baseURI);
}

async function register(): Promise<boolean> {
  if (!isSecureContext) return cannot({ kind: "insecure" });
  if (!("serviceWorker" in navigator)) return cannot({ kind: "unsupported" });
  navigator.serviceWorker.onmessage = (event: MessageEvent<ToPage>) => hear(event.data);
  addEventListener("online", tryAgain, { once: true });
  try {
    const address = new URL("sw.js", document.baseURI);
    registered = await navigator.serviceWorker.register(address, { updateViaCache: "none" });
    lookForNewVersions(registered);
    return await follow(registered);
  } catch {
    return cannot(navigator.onLine ? { kind: "unsupported" } : { kind: "failed", failure: null });
  }
}

function tryAgain(): void {
  if (offline.value.kind !== "failed") return;
  keeping = null;
  void keepOffline();
}

function cannot(why: Offline): false {
  offline.value = why;
  return false;
}

/** Watch every worker of the registration; true when one is active. */
function follow(registered: ServiceWorkerRegistration): Promise<boolean> {
  return new Promise((resolve) => {
    const watch = (worker: ServiceWorker | null) => {
      worker?.addEventListener("statechange", () => {
        // A browser may let a new one wait for long, until the old one is idle: it can answer all the same.
        if (worker.state === "installed" && registered.active) void look(worker);
        if (worker.state === "activated") void look(worker).then(() => resolve(true));
        if (worker.state === "redundant" && !registered.active) {
          if (offline.value.kind !== "failed") offline.value = { kind: "failed", failure: null };
          resolve(false);
        }
      });
    };
    registered.addEventListener("updatefound", () => watch(registered.installing));
    for (const worker of [registered.installing, registered.waiting, registered.active]) watch(worker);
    const worker = newest(registered);
    if (worker && registered.active) void look(worker).then(() => resolve(true));
  });
}

/** The one that knows of the newest version: where it waits, the active one is older. */
function newest(of: ServiceWorkerRegistration | null | undefined): ServiceWorker | null {
  return of?.waiting ?? of?.active ?? null;
}

async function look(worker: ServiceWorker): Promise<void> {
  const kept = await ask(worker, "check");
  if (!kept || worker !== newest(registered)) return; // Replaced meanwhile: the new one knows better.
  if (kept.missing > 0) {
    // The browser made room: fetch again what it threw away, in silence while there is no network.
    const mended = await ask(worker, "mend");
    offline.value = mended?.failure ? { kind: "failed", failure: mended.failure } : { kind: "kept" };
  } else {
    offline.value = { kind: "kept" };
  }
  update.value = updateOf(kept) ?? (update.value?.kind === "ready" ? null : update.value);
}

export function updateOf({ using, ready }: Kept): Update | null {
  return ready ? { kind: "ready", from: using, to: ready } : null;
}

function hear(said: ToPage): void {
  // The first version must be whole; where a later one is not, the version that is kept goes on.
  const first = !(registered?.active ?? navigator.serviceWorker.controller);
  if (said.kind === "accepted") update.value = { kind: "elsewhere" };
  if (said.kind === "keeping" && first) offline.value = { kind: "keeping", bytes: said.bytes, of: said.of };
  if (said.kind !== "not-kept") return;
  const { failure } = said;
  if (first) {
    offline.value = { kind: "failed", failure };
    const { problem: why, where } = failure;
    if (why === "changed-file") problem.value ??= { problem: why, where, detail: "" };
  } else if (failure.problem !== "missing-file") {
    update.value = { kind: "failed", failure };
  }
}

/** A page may stay open for weeks: look when somebody comes back to it. */
function lookForNewVersions(registered: ServiceWorkerRegistration): void {
  let last = Date.now();
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible" || Date.now() - last < LOOK_AGAIN_MS) return;
    last = Date.now();
    registered.update().catch(() => {}); // No network: later.
  });
}
