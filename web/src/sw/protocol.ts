// What a page and the service worker say to each other. A page of an older version may talk to a newer worker
// (it serves the old files until the new ones are accepted): add kinds, never change one.

import type { KeepProblem } from "./keepError";

export type FromPage =
  | { kind: "check" } // answered with Kept
  | { kind: "mend" } // look at every kept byte, fetch again what is not right; answered with Mended
  | { kind: "use-now" }; // the person accepted the version that is ready; answered with Kept

export interface Version {
  /** SHA-256 of its site.json. */
  site: string;
  /** name@version of its bundle. */
  bundle: string;
  /** SHA-256 of bundle.json: a bundle may be made anew under the same name and version. */
  digest: string;
}

export interface Kept {
  using: Version | null;
  /** Kept whole, and waiting to be accepted. */
  ready: Version | null;
  /** Files of the version in use that are not there. */
  missing: number;
}

export interface Mended {
  failure: Failure | null;
}

export interface Failure {
  problem: KeepProblem;
  where: string;
}

export type ToPage =
  | { kind: "keeping"; bytes: number; of: number }
  | { kind: "not-kept"; failure: Failure }
  | { kind: "accepted"; site: string }; // in another tab
