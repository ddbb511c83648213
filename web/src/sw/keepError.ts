// Why a version could not be kept.

export type KeepProblem =
  | "changed-file" // the host gives other bytes than those that the site was made of
  | "missing-file" // the host does not give it, or cannot be reached
  | "no-space"; // the device or the browser allows no more storage

export class KeepError extends Error {
  constructor(
    readonly problem: KeepProblem,
    /** The file, below the site's folder. */
    readonly where: string,
    detail: string,
  ) {
    super(`${where}: ${detail}`);
    this.name = "KeepError";
  }
}
