// What a bundle asks of the person, in the words of the language.

import type { MetadataField } from "../../reader/bundle";
import type { Metadata } from "../../reader/contract";
import { messages } from "../../messages";

/** "Age", "Site on the body"; a field that the messages do not know keeps its name. */
export function labelOf(field: Pick<MetadataField, "name">): string {
  return messages.value.read.fields[field.name] ?? field.name;
}

export function unitOf(field: Pick<MetadataField, "unit">): string {
  return messages.value.read.units[field.unit] ?? field.unit;
}

/** Metadata with one field changed; null: not known, so it is left out. */
export function withField(metadata: Metadata, name: string, value: number | string | null): Metadata {
  const { [name]: _, ...others } = metadata;
  return value === null || value === "" ? others : { ...others, [name]: value };
}

/** A field's value as people say it; null where it is not known. */
export function valueOf(field: MetadataField, metadata: Metadata): string | null {
  const value = metadata[field.name];
  if (value === undefined) return null;
  return field.unit ? `${value} ${unitOf(field)}` : String(value);
}
