// Asks what the bundle wants to know of the person; everything may stay open.

import { useState } from "preact/hooks";
import { Button } from "../../design/Button";
import { Card } from "../../design/Card";
import { NumberInput, Select } from "../../design/Field";
import { messages } from "../../messages";
import type { MetadataField } from "../../reader/bundle";
import type { Metadata } from "../../reader/contract";
import { labelOf, unitOf, withField } from "./metadata";
import "./MetadataForm.css";

interface MetadataFormProps {
  fields: readonly MetadataField[];
  start: Metadata;
  /** How many photographs wait for the same question. */
  waiting: number;
  onTell: (metadata: Metadata, all: boolean) => void;
}

export function MetadataForm({ fields, start, waiting, onTell }: MetadataFormProps) {
  const say = messages.value.read;
  const [metadata, setMetadata] = useState(start);
  const set = (name: string) => (value: number | string | null) =>
    setMetadata(withField(metadata, name, value));
  return (
    <Card title={say.detailsTitle} level={1}>
      <p class="muted small">{say.detailsHint}</p>
      <div class="metadata-fields">
        {fields.map((field) => (
          <Asked
            key={field.name}
            field={field}
            value={metadata[field.name] ?? null}
            onChange={set(field.name)}
          />
        ))}
      </div>
      <div class="row">
        <Button kind="primary" large onClick={() => onTell(metadata, false)}>
          {say.detailsRead}
        </Button>
        {waiting > 1 && (
          <Button large onClick={() => onTell(metadata, true)}>
            {say.detailsAll(waiting)}
          </Button>
        )}
      </div>
    </Card>
  );
}

interface AskedProps {
  field: MetadataField;
  value: number | string | null;
  onChange: (value: number | string | null) => void;
}

function Asked({ field, value, onChange }: AskedProps) {
  const { unknown } = messages.value.read;
  if (field.kind === "number") {
    const number = typeof value === "number" ? value : null;
    return (
      <NumberInput
        label={labelOf(field)}
        unit={unitOf(field)}
        placeholder={unknown}
        value={number}
        onChange={onChange}
      />
    );
  }
  const options = [
    { value: "", label: unknown },
    ...field.categories.map((one) => ({ value: one, label: one })),
  ];
  return <Select label={labelOf(field)} value={String(value ?? "")} options={options} onChange={onChange} />;
}
