// Which colours a JPEG has, and whether its chroma is sampled in one of the ways that are read.

import { Damage, warned } from "./damage";
import type { Component } from "./scan";

export type Colour = "grey" | "ycc" | "rgb" | "cmyk" | "ycck";
type Sampled = Pick<Component, "id" | "across" | "down">;

/** Luma's sampling factors where those of chroma are 1: 4:4:4, 4:2:2, 4:2:0, 4:4:0, 4:1:1, 4:4:1. */
const KNOWN = [
  [1, 1],
  [2, 1],
  [2, 2],
  [1, 2],
  [4, 1],
  [1, 4],
];
const MOST_BLOCKS_A_COMPONENT = 3;

/** Throws Damage for what libjpeg does not know. */
export function colourOf(components: readonly Sampled[], jfif: boolean, adobe: number | null): Colour {
  if (components.length === 1) return "grey";
  if (components.length === 3) {
    if (jfif) return "ycc";
    if (adobe !== null) {
      if (adobe > 1) throw warned(`Unknown Adobe color transform code ${adobe}`);
      return adobe === 0 ? "rgb" : "ycc";
    }
    const ids = components.map((one) => String.fromCharCode(one.id)).join("");
    return ids === "RGB" ? "rgb" : "ycc";
  }
  if (components.length === 4) {
    if (adobe !== null && adobe !== 0 && adobe !== 2) throw warned(`Unknown Adobe color transform code ${adobe}`);
    return adobe === 2 ? "ycck" : "cmyk";
  }
  throw new Damage("other", "Could not determine colorspace of JPEG image");
}

/** As TurboJPEG tells sampling; others are not read. */
export function isKnownSampling(components: readonly Sampled[], colour: Colour): boolean {
  const [first, ...others] = components;
  if (!first) return false;
  if (colour === "grey") return true;
  const key = colour === "cmyk" || colour === "ycck" ? others[2] : undefined;
  const all = (across: number, down: number, ofKey: readonly [number, number]) =>
    others.every((one) => {
      const [x, y] = one === key ? ofKey : [across, down];
      return one.across === x && one.down === y;
    });
  if (KNOWN.some(([x, y]) => first.across === x && first.down === y && all(1, 1, [first.across, first.down]))) {
    return true;
  }
  const doubled = first.across === 2 && first.down === 2;
  if (doubled && (all(1, 2, [2, 2]) || all(2, 1, [2, 2]))) return true;
  return (
    first.across * first.down <= MOST_BLOCKS_A_COMPONENT && all(first.across, first.down, [first.across, first.down])
  );
}
