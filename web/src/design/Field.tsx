import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { Icon } from "./Icon";
import "./Field.css";

interface FieldProps {
  label: string;
  hint?: string;
  children: (id: string, describedBy: string | undefined) => ComponentChildren;
}

function Field({ label, hint, children }: FieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id, hint ? `${id}-hint` : undefined)}
      {hint && (
        <p class="muted tiny" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

interface SelectProps<Value extends string> {
  label: string;
  hint?: string;
  value: Value;
  options: readonly { value: Value; label: string }[];
  onChange: (value: Value) => void;
}

/** One of a few. */
export function Select<Value extends string>({ label, hint, value, options, onChange }: SelectProps<Value>) {
  return (
    <Field label={label} {...(hint ? { hint } : {})}>
      {(id, describedBy) => (
        <span class="select">
          <select
            id={id}
            aria-describedby={describedBy}
            value={value}
            onChange={(event) => {
              const chosen = options[event.currentTarget.selectedIndex];
              if (chosen) onChange(chosen.value);
            }}
          >
            {options.map((option) => (
              <option key={option.value} value={option.value}>
                {option.label}
              </option>
            ))}
          </select>
          <Icon name="down" size={18} />
        </span>
      )}
    </Field>
  );
}

interface NumberInputProps {
  label: string;
  hint?: string;
  unit?: string;
  placeholder?: string;
  /** Null where nothing, or no number, is written. */
  value: number | null;
  onChange: (value: number | null) => void;
}

/** A number, or nothing. */
export function NumberInput({ label, hint, unit, placeholder, value, onChange }: NumberInputProps) {
  return (
    <Field label={unit ? `${label} (${unit})` : label} {...(hint ? { hint } : {})}>
      {(id, describedBy) => (
        <input
          id={id}
          type="number"
          inputMode="decimal"
          step="any"
          aria-describedby={describedBy}
          placeholder={placeholder}
          value={value ?? ""}
          onInput={(event) => {
            const written = event.currentTarget.valueAsNumber;
            onChange(Number.isFinite(written) ? written : null);
          }}
        />
      )}
    </Field>
  );
}
