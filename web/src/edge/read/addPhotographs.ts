// Wherever photographs come from, they lie on the desk, and the page shows them.

import { go } from "../place";
import type { Desk } from "./desk";

export function addPhotographs(desk: Desk, files: readonly File[]): void {
  if (files.length === 0) return;
  const [first] = desk.add(files);
  // One alone is shown at once; several stand in the list.
  go("read", files.length === 1 ? String(first) : "list");
}
