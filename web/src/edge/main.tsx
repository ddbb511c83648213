import { effect } from "@preact/signals";
import { render } from "preact";
import "../design/tokens.css";
import "../design/base.css";
import "../design/spinner.css";
import { language, languageOf, messages } from "../messages";
import { startReader } from "../reader/client";
import { App } from "./App";
import { followOtherTabs } from "./history/store";
import { neverReloadWhile, offline, startInstalling } from "./install";
import { followAddress, place } from "./place";
import { settings, startSettings } from "./settings/settings";
import { deskOf } from "./read/deskOf";
import { runSelfTest, start } from "./start";
import { opened, problem, selfTest } from "./state";

startInstalling();
startSettings();
followOtherTabs();
followAddress();
effect(() => {
  language.value = languageOf(settings.value.language, navigator.languages);
  document.documentElement.lang = language.value;
});
effect(() => {
  const where = messages.value[place.value.name].title;
  document.title = [where, opened.value?.manifest.name, "Overread"].filter(Boolean).join(" · ");
});
effect(() => {
  // Checks from outside wait for these.
  const marks = document.documentElement.dataset;
  marks["reader"] = problem.value ? "problem" : opened.value ? "ready" : "opening";
  marks["offline"] = offline.value.kind;
  const tested = selfTest.value;
  marks["selfTest"] =
    tested === null || tested === "running" ? "running" : tested.passed ? "passed" : "failed";
});

const reader = startReader();
const opening = start(reader, { gpu: settings.value.gpu });
// For checks from outside (`overread edge --check`): the page's own reader, and the one call that opens it.
Object.assign(window, { overread: { reader, opened: opening } });
const desk = deskOf(reader, opening);
neverReloadWhile(() => desk.photographs.value.length > 0);
const root = document.getElementById("app");
if (root) render(<App desk={desk} onTest={() => void runSelfTest(reader)} />, root);
