// What the person chose for this site, kept in localStorage; every tab of the site sees a change.

import { effect, signal } from "@preact/signals";
import { siteKey } from "./siteKey";

export interface Settings {
  language: "auto" | "en" | "de";
  theme: "auto" | "light" | "dark";
  keepHistory: boolean;
  gpu: boolean;
}

export const LANGUAGES = ["auto", "en", "de"] as const;
export const THEMES = ["auto", "light", "dark"] as const;
export const DEFAULTS: Settings = { language: "auto", theme: "auto", keepHistory: true, gpu: false };

/** Settings from what was kept; whatever is missing or damaged gets its default. */
export function parseSettings(text: string | null): Settings {
  const kept = parsed(text);
  return {
    language: LANGUAGES.find((one) => one === kept["language"]) ?? DEFAULTS.language,
    theme: THEMES.find((one) => one === kept["theme"]) ?? DEFAULTS.theme,
    keepHistory: flag(kept["keepHistory"], DEFAULTS.keepHistory),
    gpu: flag(kept["gpu"], DEFAULTS.gpu),
  };
}

export const settings = signal<Settings>(parseSettings(stored()));

export function change(part: Partial<Settings>): void {
  settings.value = { ...settings.value, ...part };
  try {
    localStorage.setItem(siteKey("settings"), JSON.stringify(settings.value));
  } catch {
    // Storage is blocked or full: the choice holds until the page is closed.
  }
}

/** Follow other tabs, and put the theme on the document. Returns what ends it. */
export function startSettings(): () => void {
  const follow = (event: StorageEvent) => {
    if (event.key === siteKey("settings")) settings.value = parseSettings(event.newValue);
  };
  addEventListener("storage", follow);
  const stopTheme = effect(() => {
    document.documentElement.dataset["theme"] = settings.value.theme;
  });
  return () => {
    removeEventListener("storage", follow);
    stopTheme();
  };
}

function stored(): string | null {
  try {
    return localStorage.getItem(siteKey("settings"));
  } catch {
    return null;
  }
}

function parsed(text: string | null): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? "{}");
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function flag(value: unknown, otherwise: boolean): boolean {
  return typeof value === "boolean" ? value : otherwise;
}
