import type { QualityWarning } from "../../reader/contract";

interface Advice {
  /** What is wrong, as a short label. */
  name: string;
  /** One sentence: what is wrong. */
  what: string;
  /** One sentence: what to do. */
  todo: string;
}

const warnings: Record<QualityWarning, Advice> = {
  small: {
    name: "Too small",
    what: "The photograph has too few pixels.",
    todo: "Send the original instead of a preview, or go closer.",
  },
  dark: {
    name: "Too dark",
    what: "The photograph is darker than those that this reader knows.",
    todo: "Turn on a light or the flash.",
  },
  bright: {
    name: "Too bright",
    what: "The photograph is brighter than those that this reader knows.",
    todo: "Avoid direct sun and reflections, or move the flash away.",
  },
  blurred: {
    name: "Blurred",
    what: "The photograph is less sharp than those that this reader knows.",
    todo: "Wipe the lens, hold still, tap on the spot to focus, and keep the distance.",
  },
};

export const quality = {
  warnings,
  title: "Better take it again",
  lead: "This photograph was not read yet, because the answer might not be worth much.",
  again: "Take another photograph",
  anyway: "Read it anyway",
  /** Beside a reading that was made all the same. */
  readAnyway: (names: string) => `Read although the photograph is ${names.toLowerCase()}.`,
  noGuarantee: "A photograph without a warning need not be a good one.",
};
