// Threads need headers that some hosts cannot send. The service worker adds them, from the second load on:
// so the first visit waits until everything is kept, and loads the page again, once.

import { effect } from "@preact/signals";
import { siteKey } from "../settings/siteKey";
import { keepOffline, offline } from "./offline";

const TRIED = "reloaded for threads";
const PATIENCE_MS = 30_000;

let busy: () => boolean = () => false;

/** Not while this is true: a photograph that was chosen meanwhile would be lost. */
export function neverReloadWhile(condition: () => boolean): void {
  busy = condition;
}

/** Call before the reader is opened; does not return where the page is loaded again. */
export async function prepare(): Promise<void> {
  if (crossOriginIsolated) {
    forget();
    return;
  }
  if (!isSecureContext || !("serviceWorker" in navigator) || tried()) return;
  if (!(await Promise.race([keepOffline(), stalled()])) || busy() || !remember()) return;
  location.reload();
  await new Promise<never>(() => {});
}

/** False once nothing more has come for a while: threads are not worth waiting for. */
function stalled(): Promise<false> {
  return new Promise((resolve) => {
    let waiting: ReturnType<typeof setTimeout> | undefined;
    const stop = effect(() => {
      clearTimeout(waiting);
      if (offline.value.kind === "kept") return;
      waiting = setTimeout(() => {
        stop();
        resolve(false);
      }, PATIENCE_MS);
    });
  });
}

function tried(): boolean {
  try {
    return sessionStorage.getItem(siteKey(TRIED)) !== null;
  } catch {
    return true; // Without a memory it could load the page for ever.
  }
}

function remember(): boolean {
  try {
    sessionStorage.setItem(siteKey(TRIED), "once");
    return true;
  } catch {
    return false;
  }
}

function forget(): void {
  try {
    sessionStorage.removeItem(siteKey(TRIED));
  } catch {
    // Nothing was remembered.
  }
}
