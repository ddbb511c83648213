// The shell: four places, and the page that refuses where the reader cannot be trusted.

import { useEffect, useRef } from "preact/hooks";
import { NavBar } from "../design/NavBar";
import type { IconName } from "../design/Icon";
import { messages } from "../messages";
import type { ReaderClient } from "../reader/client";
import { AboutScreen } from "./about/AboutScreen";
import { HistoryScreen } from "./history/HistoryScreen";
import { place, PLACES, type PlaceName } from "./place";
import { ReadScreen } from "./read/ReadScreen";
import { SettingsScreen } from "./settings/SettingsScreen";
import { opened } from "./state";
import "./App.css";

const ICONS: Record<PlaceName, IconName> = { read: "read", history: "history", about: "about", settings: "settings" };

export function App({ reader }: { reader: ReaderClient }) {
  const say = messages.value;
  const items = PLACES.map((name) => ({ href: `#${name}`, icon: ICONS[name], label: say[name].title }));
  const { name } = place.value;
  const main = useFocusOnChange(name);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => {
        event.preventDefault(); // The address says where in the app one is.
        main.current?.focus();
      }}>
        {say.design.skip}
      </a>
      <header class="app-head">
        <a class="brand" href="#read">
          <span class="mark" aria-hidden="true" />
          <span>Overread</span>
          {opened.value && <span class="muted bundle">{opened.value.manifest.name}</span>}
        </a>
        <NavBar label={say.design.places} items={items} current={`#${name}`} />
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        {name === "read" && <ReadScreen reader={reader} />}
        {name === "history" && <HistoryScreen />}
        {name === "about" && <AboutScreen />}
        {name === "settings" && <SettingsScreen />}
      </main>
    </>
  );
}

/** A new place begins at its top, and a screen reader goes there too. */
function useFocusOnChange(name: PlaceName) {
  const main = useRef<HTMLElement>(null);
  const shown = useRef(name);
  useEffect(() => {
    if (shown.current === name) return;
    shown.current = name;
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [name]);
  return main;
}
