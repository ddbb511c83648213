// Every text of the pages in the language that is set; an area is one file in each of en/ and de/.

import { computed, signal } from "@preact/signals";
import { about as deAbout } from "./de/about";
import { design as deDesign } from "./de/design";
import { exporting as deExporting } from "./de/export";
import { history as deHistory } from "./de/history";
import { install as deInstall } from "./de/install";
import { problems as deProblems } from "./de/problems";
import { quality as deQuality } from "./de/quality";
import { read as deRead } from "./de/read";
import { settings as deSettings } from "./de/settings";
import { about } from "./en/about";
import { design } from "./en/design";
import { exporting } from "./en/export";
import { history } from "./en/history";
import { install } from "./en/install";
import { problems } from "./en/problems";
import { quality } from "./en/quality";
import { read } from "./en/read";
import { settings } from "./en/settings";

export const en = { about, design, exporting, history, install, problems, quality, read, settings };
export const de: typeof en = {
  about: deAbout,
  design: deDesign,
  exporting: deExporting,
  history: deHistory,
  install: deInstall,
  problems: deProblems,
  quality: deQuality,
  read: deRead,
  settings: deSettings,
};

export type Language = "en" | "de";

/** What a person who chose so, and whose browser asks for these languages, reads. */
export function languageOf(choice: Language | "auto", asked: readonly string[]): Language {
  if (choice !== "auto") return choice;
  const known = asked.map((one) => one.slice(0, 2).toLowerCase()).find((one) => one === "de" || one === "en");
  return known === "de" ? "de" : "en";
}

/** The page sets it. */
export const language = signal<Language>(languageOf("auto", globalThis.navigator?.languages ?? []));

export const messages = computed(() => (language.value === "de" ? de : en));
