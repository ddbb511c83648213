// Which part of a photograph becomes the network's square: the geometry of overread/imaging/preprocess.py.

import type { Preprocess } from "../bundle";

const LONGEST_RATIO = 4;

/** Along one side: `size` pixels from `start` on become `target`, of which those from `first` on are taken. */
export interface Side {
  start: number;
  size: number;
  target: number;
  first: number;
}

export function sidesOf(spec: Pick<Preprocess, "size" | "resize">, width: number, height: number): [Side, Side] {
  if (spec.resize === "squash") {
    const whole = (size: number): Side => ({ start: 0, size, target: spec.size, first: 0 });
    return [whole(width), whole(height)];
  }
  const shorter = Math.min(width, height);
  const cropped = (all: number): Side => {
    const size = Math.min(all, shorter * LONGEST_RATIO);
    const target = Math.floor((size * spec.size) / shorter);
    return { start: half(all - size), size, target, first: half(target - spec.size) };
  };
  return [cropped(width), cropped(height)];
}

const half = (value: number) => Math.floor(value / 2);
