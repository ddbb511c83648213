// The app on the home screen: when a browser offers it, and what to do where it does not.

import { signal } from "@preact/signals";

interface InstallPrompt extends Event {
  prompt(): Promise<{ outcome: "accepted" | "dismissed" }>;
}

export type Installing =
  | "installed" // it runs from the home screen, or was just put there
  | "offered" // the browser installs it at a click
  | "by-hand" // iPhone and iPad: the share menu does it
  | "none";

export const installing = signal<Installing>("none");

let offer: InstallPrompt | null = null;

/** Call first of all: a browser makes its offer once, soon after the page has loaded. */
export function startInstalling(): void {
  const standalone = matchMedia("(display-mode: standalone)");
  // Only Safari on iPhone and iPad knows this property; true on the home screen.
  const byHand = (navigator as { standalone?: boolean }).standalone;
  if (standalone.matches || byHand === true) installing.value = "installed";
  else if (byHand === false) installing.value = "by-hand";
  if (installing.value === "installed") void persist();
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault(); // Shown where we offer it, not over the page.
    offer = event as InstallPrompt;
    installing.value = "offered";
  });
  addEventListener("appinstalled", () => {
    installing.value = "installed";
    void persist();
  });
}

/** An offer can be taken once; the browser makes another if it is declined. */
export async function install(): Promise<void> {
  const taken = offer;
  offer = null;
  if (installing.value === "offered") installing.value = "none";
  await taken?.prompt();
}

/** Whether the browser may throw the site away when it needs room; null where it does not say. */
export async function persisted(): Promise<boolean | null> {
  return (await navigator.storage?.persisted?.()) ?? null;
}

/** Ask that it never does. Firefox asks the person, so only do it when they did something for it. */
export async function persist(): Promise<boolean> {
  return (await navigator.storage?.persist?.()) ?? false;
}
