// What libjpeg-turbo would warn of or refuse, as our strict reading of JPEG tells it.

/** early: the data end before the picture does; other: a kind of JPEG that is not read. */
export type Harm = "early" | "damaged" | "other";

export class Damage extends Error {
  constructor(
    readonly harm: Harm,
    what: string,
    /** libjpeg-turbo goes on after it. */
    readonly warned = false,
  ) {
    super(what);
  }
}

export function damaged(what: string): Damage {
  return new Damage("damaged", what);
}

export function warned(what: string): Damage {
  return new Damage("damaged", what, true);
}
