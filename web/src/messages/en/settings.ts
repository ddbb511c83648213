import type { Settings } from "../../edge/settings/settings";

const languages: Record<Settings["language"], string> = { auto: "As the device", en: "English", de: "Deutsch" };
const themes: Record<Settings["theme"], string> = { auto: "As the device", light: "Light", dark: "Dark" };

export const settings = {
  title: "Settings",
  look: "Language and appearance",
  language: "Language",
  languages,
  theme: "Appearance",
  themes,
  history: "History",
  keepHistory: "Keep readings on this device",
  keepHistoryHint: "Photograph, decision and scores stay in this browser. They are sent nowhere.",
  turnOffTitle: "Erase the readings kept so far?",
  turnOffText: (count: number) =>
    count === 1
      ? "New readings are no longer kept. One reading is still on this device."
      : `New readings are no longer kept. ${count} readings are still on this device.`,
  leaveThem: "Leave them",
  speed: "Speed",
  gpu: "Try the graphics processor",
  gpuHint: "Used only where it is faster on this device and gives the self-test's answers. Takes effect when the page is loaded again.",
};
