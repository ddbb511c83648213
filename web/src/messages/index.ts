// Every text of the pages in the language that is set; an area is one file in each of en/ and de/.

import { computed } from "@preact/signals";
import { settings as chosen } from "../edge/settings/settings";
import { history as deHistory } from "./de/history";
import { settings as deSettings } from "./de/settings";
import { history } from "./en/history";
import { settings } from "./en/settings";

const en = { history, settings };
const de: typeof en = { history: deHistory, settings: deSettings };

export const language = computed<"en" | "de">(() => {
  const { language } = chosen.value;
  if (language !== "auto") return language;
  return navigator.language.toLowerCase().startsWith("de") ? "de" : "en";
});

export const messages = computed(() => (language.value === "de" ? de : en));
