// From a saliency map in logits to coloured cells, and where over the photograph they lie.

import type { Preprocess } from "../../reader/bundle";
import type { Saliency } from "../../reader/contract";

/** In hundredths of the photograph's sides. */
export interface Place {
  left: number;
  top: number;
  width: number;
  height: number;
}

// Dark violet to yellow, perceptually even: the colours of the reports (evaluation/pictures.py).
const COLOURS = [
  [0, 0, 4],
  [81, 18, 124],
  [183, 55, 121],
  [252, 137, 97],
  [252, 253, 191],
] as const;

/** One class' map, 0..1 of its largest cell; what speaks against the class, and NaN, count as 0. */
export function heatOf(saliency: Saliency, index: number): Float32Array {
  const cells = saliency.height * saliency.width;
  const heat = saliency.values
    .slice(index * cells, (index + 1) * cells)
    .map((value) => (value > 0 ? value : 0));
  const largest = heat.reduce((most, value) => Math.max(most, value), 0);
  return largest > 0 ? heat.map((value) => value / largest) : heat;
}

/** RGBA of each cell; a cell that says nothing is clear. */
export function colourOf(heat: Float32Array): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(heat.length * 4);
  heat.forEach((value, cell) => {
    const at = value * (COLOURS.length - 1);
    const below = Math.min(Math.floor(at), COLOURS.length - 2);
    const [from, to] = [COLOURS[below] ?? COLOURS[0], COLOURS[below + 1] ?? COLOURS[0]];
    for (const channel of [0, 1, 2] as const) {
      pixels[cell * 4 + channel] = from[channel] + (to[channel] - from[channel]) * (at - below);
    }
    pixels[cell * 4 + 3] = value * 255;
  });
  return pixels;
}

/** What of a photograph the network saw: all of it, or its central square. */
export function seenPart(width: number, height: number, resize: Preprocess["resize"]): Place {
  if (resize === "squash") return { left: 0, top: 0, width: 100, height: 100 };
  const side = Math.min(width, height);
  const part = { width: (100 * side) / width, height: (100 * side) / height };
  return { left: (100 - part.width) / 2, top: (100 - part.height) / 2, ...part };
}
