// How what is known of a patient becomes the network's numbers: overread/bundle/metadata.py.

import type { MetadataField } from "./bundle";
import type { Metadata } from "./contract";

const UNSTATED = new Set(["", "?", "-", "na", "n/a", "nan", "none", "null", "unknown", "not stated"]);
const SEXES: Record<string, string> = { f: "F", female: "F", woman: "F", w: "F", m: "M", male: "M", man: "M" };
const AGE = /^0*(\d{1,3}(?:[.,]\d+)?)\s*([YMWD]?)$/i;
const PER_YEAR: Record<string, number> = { "": 1, Y: 1, M: 12, W: 52.18, D: 365.25 };
const OLDEST = 125;
const LARGEST = 3.4028234663852886e38; // of a float32
// What Python's float() takes; thousands may be parted by one underscore.
const DIGITS = "\\d(?:_?\\d)*";
const NUMBER = new RegExp(`^[+-]?(?:${DIGITS}\\.?(?:${DIGITS})?|\\.${DIGITS})(?:e[+-]?${DIGITS})?$`, "i");

export interface Told {
  /** In the fields' order; NaN: not known. */
  values: Float32Array<ArrayBuffer>;
  missing: string[];
}

/** Throws an Error for a name that is no field and for a value of a kind that cannot be; it repeats no value. */
export function tell(fields: readonly MetadataField[], given: Metadata = {}): Told {
  const stranger = Object.keys(given).find((name) => !fields.some((field) => field.name === name));
  if (stranger !== undefined) {
    const asked = fields.map((field) => field.name).join(", ") || "images alone";
    throw new Error(`the bundle does not ask for '${stranger}'; it asks for ${asked}`);
  }
  const values = fields.map((field) => valueOf(field, Object.hasOwn(given, field.name) ? given[field.name] : null));
  return {
    values: Float32Array.from(values),
    missing: fields.filter((_, at) => Number.isNaN(values[at])).map((field) => field.name),
  };
}

export function isStated(cell: string): boolean {
  return !UNSTATED.has(cell.trim().toLowerCase());
}

/** Years; null where nothing is stated or nobody is that old. */
export function parseAge(cell: string): number | null {
  const match = AGE.exec(cell.trim());
  if (!match) return null;
  const years = Number(match[1]!.replace(",", ".")) / PER_YEAR[match[2]!.toUpperCase()]!;
  return years <= OLDEST ? years : null;
}

function valueOf(field: MetadataField, said: unknown): number {
  if (said === null || said === undefined || (typeof said === "string" && !isStated(said))) return NaN;
  if (typeof said === "string") return field.kind === "category" ? placeOf(field, said) : numberIn(field, said);
  if (typeof said !== "number") throw unfit(field, `a ${typeof said}`);
  if (Number.isNaN(said)) return NaN;
  return field.kind === "category" ? placeOf(field, String(said)) : checked(field, said);
}

function numberIn(field: MetadataField, text: string): number {
  const number = field.name === "age" ? parseAge(text) : parseFloat32(text.replaceAll(",", "."));
  if (number !== null) return checked(field, number);
  if (Number.isFinite(parseNumber(text))) return NaN; // an age that nobody has
  throw unfit(field, "a text that is none");
}

function parseFloat32(text: string): number | null {
  const number = parseNumber(text);
  return Math.abs(number) <= LARGEST ? number : null;
}

function parseNumber(text: string): number {
  const bare = text.trim();
  return NUMBER.test(bare) ? Number(bare.replaceAll("_", "")) : NaN;
}

function checked(field: MetadataField, value: number): number {
  if (Math.abs(value) > LARGEST) throw unfit(field, "one that no float32 holds");
  const nobody = field.name === "age" && (Object.is(value, -0) || parseAge(value.toFixed(4)) === null);
  return nobody ? NaN : value;
}

function placeOf(field: MetadataField, said: string): number {
  const bare = said.trim();
  const wanted = (field.name === "sex" ? SEXES[bare.toLowerCase()] : undefined) ?? bare;
  const place = field.categories.indexOf(wanted);
  if (place >= 0) return place;
  const near = field.categories.map(casefold).indexOf(casefold(wanted));
  return near >= 0 ? near : NaN;
}

/** Close to Unicode's case folding: ß as ss, every sigma alike. */
function casefold(text: string): string {
  return text.toLowerCase().toUpperCase().toLowerCase();
}

function unfit(field: MetadataField, got: string): Error {
  const kind = field.kind === "number" ? "a number" : "a text";
  return new Error(`'${field.name}': expected ${kind}, got ${got}; leave it out where it is not known`);
}
