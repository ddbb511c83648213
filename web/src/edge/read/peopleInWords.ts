// Counts of people as the sentence of the messages takes them (`read.ofThese`).

import { count } from "../../messages/numbers";
import type { People } from "./meaning";

export function inWords({ present, absent }: People, names: string) {
  return {
    names,
    present: count(present.urgent + present.routine + present["cannot-assess"]),
    urgent: count(present.urgent + absent.urgent),
    found: count(present.urgent),
    falseAlarms: count(absent.urgent),
    missed: count(present.routine),
    open: count(present["cannot-assess"] + absent["cannot-assess"]),
  };
}
