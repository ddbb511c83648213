// Numbers and lists as the language that is set writes them.

import { language } from "./index";

export const locale = () => (language.value === "de" ? "de-DE" : "en-GB");

function format(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  return new Intl.NumberFormat(locale(), options);
}

export function count(value: number): string {
  return format({ maximumFractionDigits: 0 }).format(value);
}

/** A share as hundredths, with so many digits after the point; what is no number is a dash. */
export function percent(share: number, digits = 0): string {
  if (!Number.isFinite(share)) return "–";
  return format({ style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits }).format(
    share,
  );
}

export function decimal(value: number, digits = 2): string {
  if (!Number.isFinite(value)) return "–";
  return format({ minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

/** "melanoma, naevus or wart". */
export function anyOf(names: readonly string[]): string {
  return new Intl.ListFormat(locale(), { type: "disjunction" }).format(names);
}
