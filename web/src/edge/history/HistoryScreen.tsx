// The readings kept on this device: look at them again, export them, erase them.

import { useEffect, useRef, useState } from "preact/hooks";
import { Notice } from "../../design/Notice";
import { messages } from "../../messages";
import { go, place } from "../place";
import { settings } from "../settings/settings";
import { focusMain } from "./focus";
import { HistoryList } from "./HistoryList";
import { KeptScreen } from "./KeptScreen";
import { historyVersion, list, type KeptReading } from "./store";
import "./history.css";

/** "#history" is the list, "#history/ID" one of it. */
export function HistoryScreen() {
  const kept = useKept();
  const say = messages.value.history;
  const id = place.value.rest;
  const chosen = typeof kept === "string" ? undefined : kept.find((one) => one.id === id);
  useEffect(() => {
    // A reading that was erased, here or in another tab, leaves its list.
    if (id && typeof kept !== "string" && !chosen) go("history", "", { instead: true });
  }, [id, kept, chosen]);
  useFocusOnOpening(chosen?.id ?? "");
  if (chosen) return <KeptScreen kept={chosen} />;
  return (
    <div class="stack history">
      <h1>{say.title}</h1>
      {!settings.value.keepHistory && (
        <Notice>
          {say.off} <a href="#settings">{say.offHint}</a>
        </Notice>
      )}
      {kept === "loading" && <p class="muted">{say.loading}</p>}
      {kept === "unreadable" && <Notice tone="attention">{say.unreadable}</Notice>}
      {typeof kept !== "string" && <HistoryList kept={kept} />}
    </div>
  );
}

/** What was focused is gone when one reading takes the place of the list, or the list that of one. */
function useFocusOnOpening(id: string): void {
  const shown = useRef(id);
  useEffect(() => {
    if (shown.current === id) return;
    shown.current = id;
    if (id) window.scrollTo(0, 0);
    focusMain();
  }, [id]);
}

function useKept(): KeptReading[] | "loading" | "unreadable" {
  const [kept, setKept] = useState<KeptReading[] | "loading" | "unreadable">("loading");
  const version = historyVersion.value;
  useEffect(() => {
    let current = true;
    list().then(
      (all) => current && setKept(all),
      () => current && setKept("unreadable"),
    );
    return () => {
      current = false;
    };
  }, [version]);
  return kept;
}
