// The readings kept on this device: look at them again, export them, erase them.

import { useEffect, useState } from "preact/hooks";
import { messages } from "../../messages";
import { settings } from "../settings/settings";
import { erase, historyVersion, list, remove, type KeptReading } from "./store";

export function HistoryScreen() {
  const kept = useKept();
  const say = messages.value.history;
  if (kept === "loading") return <p>{say.loading}</p>;
  if (kept === "unreadable") return <p>{say.unreadable}</p>;
  return (
    <section aria-labelledby="history-title">
      <h1 id="history-title">{say.title}</h1>
      <p>{settings.value.keepHistory ? say.onThisDevice : say.off}</p>
      {kept.length === 0 && <p>{say.empty}</p>}
      <ul>
        {kept.map((one) => (
          <li key={one.id}>
            {say.openReading(say.decisions[one.reading.decision], one.name, one.readAt)}
            <button type="button" onClick={() => void remove(one.id)}>{say.erase}</button>
          </li>
        ))}
      </ul>
      {kept.length > 0 && <button type="button" onClick={() => void erase()}>{say.eraseAll}</button>}
    </section>
  );
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
