import "./Meter.css";

interface MeterProps {
  /** 0..1. */
  value: number;
  /** Where the meaning changes, 0..1. */
  mark?: number | null;
  /** Whether the value is to stand out. */
  strong?: boolean;
}

/** How much of a whole; the figure stands beside it in words. */
export function Meter({ value, mark = null, strong = false }: MeterProps) {
  const at = (share: number) => 100 * Math.min(1, Math.max(0, share));
  return (
    <svg
      class={`meter${strong ? " strong" : ""}`}
      aria-hidden="true"
      focusable="false"
      width="100%"
      height="14"
    >
      <rect class="whole" x="0" y="3" width="100%" height="8" rx="4" />
      {value > 0 && <rect class="part" x="0" y="3" width={`${at(value)}%`} height="8" rx="4" />}
      {mark !== null && <line class="mark" x1={`${at(mark)}%`} x2={`${at(mark)}%`} y1="0" y2="14" />}
    </svg>
  );
}
