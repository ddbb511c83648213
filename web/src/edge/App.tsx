// The shell: four places, and the page that refuses where the reader cannot be trusted.

import { useEffect, useRef } from "preact/hooks";
import { NavBar } from "../design/NavBar";
import type { IconName } from "../design/Icon";
import { messages } from "../messages";
import { AboutScreen } from "./about/AboutScreen";
import { HistoryScreen } from "./history/HistoryScreen";
import { InsecureNotice, OfflineState, Preparing, UpdateNotice } from "./install";
import { addressOf, place, PLACES, type PlaceName } from "./place";
import { ProblemScreen } from "./problems/ProblemScreen";
import { addPhotographs } from "./read/addPhotographs";
import type { Desk } from "./read/desk";
import { DropZone } from "./read/DropZone";
import { ReadScreen } from "./read/ReadScreen";
import { SettingsScreen } from "./settings/SettingsScreen";
import { opened, problem } from "./state";
import "./App.css";

const ICONS: Record<PlaceName, IconName> = {
  read: "read",
  history: "history",
  about: "about",
  settings: "settings",
};

interface AppProps {
  desk: Desk;
  /** Runs the self-test again. */
  onTest: () => void;
}

export function App({ desk, onTest }: AppProps) {
  const say = messages.value;
  const { name, rest } = place.value;
  const items = PLACES.map((one) => ({
    href: addressOf(one),
    icon: ICONS[one],
    label: say[one].title,
    current: one === name,
  }));
  const main = useFocusOnChange(`${name}/${rest}`);
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault(); // The address says where in the app one is.
          main.current?.focus();
        }}
      >
        {say.design.skip}
      </a>
      <header class="app-head">
        <a class="brand" href="#read">
          <span class="mark" aria-hidden="true" />
          <span>Overread</span>
          {opened.value && <span class="muted bundle">{opened.value.manifest.name}</span>}
        </a>
        <NavBar label={say.design.places} items={items} />
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <UpdateNotice />
        <InsecureNotice />
        {!opened.value && !problem.value && <Preparing />}
        {name === "read" &&
          (problem.value ? <ProblemScreen problem={problem.value} /> : <ReadScreen desk={desk} />)}
        {name === "history" && <HistoryScreen />}
        {name === "about" && <AboutScreen onTest={onTest} />}
        {name === "settings" && (
          <div class="narrow stack">
            <SettingsScreen />
            <OfflineState />
          </div>
        )}
      </main>
      <DropZone onFiles={(files) => addPhotographs(desk, files)} />
    </>
  );
}

/** A new place begins at its top, and a screen reader goes there too. */
function useFocusOnChange(where: string) {
  const main = useRef<HTMLElement>(null);
  const shown = useRef(where);
  useEffect(() => {
    if (shown.current === where) return;
    shown.current = where;
    window.scrollTo(0, 0);
    // An answer that is there already has taken the focus for itself.
    if (!main.current?.contains(document.activeElement)) main.current?.focus({ preventScroll: true });
  }, [where]);
  return main;
}
