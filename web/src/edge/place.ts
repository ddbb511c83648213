// Where in the app the person is; it stands in the address, so that the back button works.

import { effect, signal } from "@preact/signals";

export const PLACES = ["read", "history", "about", "settings"] as const;
export type PlaceName = (typeof PLACES)[number];

export interface Place {
  name: PlaceName;
  /** What of it: "#read/2" is the second photograph. */
  rest: string;
}

/** The place that an address' part after # names; anything unknown is where one begins. */
export function placeOf(hash: string): Place {
  const [name = "", ...rest] = hash.replace(/^#\/?/, "").split("/");
  const known = PLACES.find((one) => one === name);
  return known ? { name: known, rest: rest.join("/") } : { name: "read", rest: "" };
}

export const place = signal<Place>(placeOf(globalThis.location?.hash ?? ""));

const lastRead = signal("");
effect(() => {
  if (place.value.name === "read") lastRead.value = place.value.rest;
});

/** The address of a place; from elsewhere, that of Read leads back to the photograph one came from. */
export function addressOf(name: PlaceName): string {
  const rest = name === "read" && place.value.name !== "read" ? lastRead.value : "";
  return rest ? `#${name}/${rest}` : `#${name}`;
}

/** Go there; `instead`: the back button skips where one was. */
export function go(name: PlaceName, rest = "", { instead = false } = {}): void {
  const hash = rest ? `#${name}/${rest}` : `#${name}`;
  if (instead) history.replaceState(null, "", hash);
  else if (hash !== location.hash) history.pushState(null, "", hash);
  place.value = placeOf(hash);
}

/** Follow the address. Returns what ends it. */
export function followAddress(): () => void {
  const follow = () => {
    place.value = placeOf(location.hash);
  };
  addEventListener("popstate", follow);
  addEventListener("hashchange", follow);
  return () => {
    removeEventListener("popstate", follow);
    removeEventListener("hashchange", follow);
  };
}
