import type { read as en } from "../en/read";

export const read: typeof en = {
  title: "Auswerten",
  start: "Eine Fotografie auswerten",
};
