import "./Icon.css";

// Drawn on a grid of 24 with a stroke of 1.8; each decision has a silhouette of its own.
const PATHS = {
  urgent: "M12 3 2.6 19.4a1 1 0 0 0 .9 1.5h17a1 1 0 0 0 .9-1.5L12 3Zm0 6.4v5m0 3.2v.1",
  routine: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Zm-4 9h8",
  "cannot-assess":
    "M12 2.6 21.4 12 12 21.4 2.6 12 12 2.6Zm-2.3 7.6a2.4 2.4 0 1 1 3.4 2.3c-.8.4-1.1.8-1.1 1.6m0 2.3v.1",
  camera:
    "M4 8h3.2l1.5-2.3h6.6L16.8 8H20a1 1 0 0 1 1 1v9.5a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V9a1 1 0 0 1 1-1Zm8 1.8a3.7 3.7 0 1 0 0 7.4 3.7 3.7 0 0 0 0-7.4Z",
  photographs:
    "M4 5h16a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1Zm-1 11 5-5 4 4 3-3 6 6M15.5 9v.1",
  read: "M12 5.5C6.5 5.5 3 12 3 12s3.5 6.5 9 6.5S21 12 21 12s-3.5-6.5-9-6.5Zm0 3.7a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6Z",
  history: "M4.2 9A8.5 8.5 0 1 1 3.5 12.5M4 4.5V9h4.5M12 7.8v4.5l3 1.8",
  about: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Zm0 8v5.5m0-9v.1",
  settings: "M4 7.5h9m4 0h3M4 16.5h3m4 0h9M15 5.5v4M9 14.5v4",
  check: "m5 12.5 4.5 4.5L19 7.5",
  cross: "m6 6 12 12M18 6 6 18",
  attention: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Zm0 4.7v5.3m0 3.2v.1",
  lock: "M6.5 11h11a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1h-11a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1Zm2 0V8a3.5 3.5 0 0 1 7 0v3",
  offline:
    "M3 3l18 18M5 12.6a10 10 0 0 1 4-2.3m5.5.1a10 10 0 0 1 4.5 2.2M8.5 16a5 5 0 0 1 6.5-.3M2.5 9a14 14 0 0 1 3.8-2.5m5-.9A14 14 0 0 1 21.5 9M12 19.5v.1",
  download: "M12 4v11m-4.5-4.5L12 15l4.5-4.5M4.5 19.5h15",
  page: "M6 3h8.5L19 7.5V20a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1Zm8 .5V8h4.5M8.5 12.5h7m-7 4h7",
  bin: "M4.5 7h15M9 7V4.5h6V7m-8.5 0 .8 13h9.4l.8-13M10 10.5v6m4-6v6",
  again: "M19.8 9A8.5 8.5 0 1 0 20.5 12.5M20 4.5V9h-4.5",
  back: "m14.5 5-7 7 7 7",
  forward: "m9.5 5 7 7-7 7",
  down: "m5 9.5 7 7 7-7",
  layers: "m12 3.5 9 5-9 5-9-5 9-5Zm-9 9.2 9 5 9-5",
  person: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8Zm-7.5 16.5c.8-3.7 3.7-5.5 7.5-5.5s6.7 1.8 7.5 5.5",
} as const;

export type IconName = keyof typeof PATHS;

/** A drawing; what it means stands beside it in words. */
export function Icon({ name, size = 24 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
