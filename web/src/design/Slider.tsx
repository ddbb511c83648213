import { useId } from "preact/hooks";
import "./Slider.css";

interface SliderProps {
  label: string;
  min: number;
  max: number;
  step?: number;
  value: number;
  /** The value in words, shown beside the label and said by screen readers as the slider's value. */
  says: string;
  onChange: (value: number) => void;
}

/** More or less of something. */
export function Slider({ label, min, max, step = 1, value, says, onChange }: SliderProps) {
  const id = useId();
  return (
    <div class="slider">
      <div class="labels">
        <label for={id}>{label}</label>
        <span class="says" aria-hidden="true">
          {says}
        </span>
      </div>
      <input
        id={id}
        type="range"
        min={min}
        max={max}
        step={step}
        value={value}
        aria-valuetext={says}
        onInput={(event) => onChange(event.currentTarget.valueAsNumber)}
      />
    </div>
  );
}
