// A file that is no photograph which can be read whole, with a reason of docs/reference/rejects.md.

import type { DecodeReason } from "./contract";

export const AGAIN = "copy or export the file again";
export const AS_PNG = "export the image as PNG";

export class Refusal extends Error {
  constructor(
    readonly reason: DecodeReason,
    what: string,
    todo: string,
  ) {
    super(`${what}; ${todo}`);
  }
}
