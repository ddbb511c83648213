// A reader and its site, made small, with an operating point that tests choose.

import type { Manifest, OperatingPoint } from "../../../src/reader/bundle";
import type { Opened } from "../../../src/reader/contract";
import { madeOpened as made } from "../history/made";

export function madePoint(change: Partial<OperatingPoint> = {}): OperatingPoint {
  return {
    name: "high-sensitivity",
    class_name: "malignant",
    threshold: 0.25,
    rule: "sensitivity >= 0.95 on tune",
    sensitivity: 0.9,
    specificity: 0.6,
    positives: 20,
    negatives: 60,
    ...change,
  };
}

export function madeOpened(manifest: Partial<Manifest> = {}, site: Partial<Opened["site"]> = {}): Opened {
  const opened = made({ operating_points: [madePoint()], ...manifest });
  return { ...opened, site: { ...opened.site, ...site } };
}
