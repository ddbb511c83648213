// The list: by day, by decision, a page at a time.

import { useState } from "preact/hooks";
import { Button } from "../../design/Button";
import { Icon } from "../../design/Icon";
import { messages } from "../../messages";
import type { Decision } from "../../reader/contract";
import { ExportJson } from "../export/ExportButtons";
import { ConfirmErase } from "./ConfirmErase";
import { byDay, dayName } from "./days";
import { focusMain } from "./focus";
import { HistoryRow } from "./HistoryRow";
import { erase, remove, type KeptReading } from "./store";

const A_PAGE = 50;
const DECISIONS: readonly (Decision | "all")[] = ["all", "urgent", "routine", "cannot-assess"];

export function HistoryList({ kept }: { kept: readonly KeptReading[] }) {
  const say = messages.value.history;
  const [shown, setShown] = useState(A_PAGE);
  const [decision, setDecision] = useState<Decision | "all">("all");
  const [asked, setAsked] = useState<KeptReading | "all" | null>(null);
  const [erased, setErased] = useState(false);
  const eraseAsked = async () => {
    setAsked(null);
    await (asked === "all" ? erase() : asked && remove(asked.id));
    setErased(true);
    focusMain();
  };
  const chosen = decision === "all" ? kept : kept.filter((one) => one.reading.decision === decision);
  return (
    <>
      <p class="for-readers-only" role="status">
        {erased ? say.erased : ""}
      </p>
      {kept.length === 0 ? (
        <Empty />
      ) : (
        <>
          <p class="muted small">
            {say.count(kept.length)} · {say.onThisDevice}
          </p>
          <Filter kept={kept} decision={decision} onChange={setDecision} />
          {chosen.length === 0 && <p>{say.noneOfThese}</p>}
          {byDay(chosen.slice(0, shown)).map(({ day, kept: ofDay }) => (
            <section key={day} aria-labelledby={`day-${day}`}>
              <h2 class="day" id={`day-${day}`}>
                {dayName(day)}
              </h2>
              <ul class="kept-list">
                {ofDay.map((one) => (
                  <HistoryRow key={one.id} kept={one} onErase={() => setAsked(one)} />
                ))}
              </ul>
            </section>
          ))}
          {chosen.length > shown && (
            <Button onClick={() => setShown(shown + A_PAGE)}>
              {say.more(Math.min(A_PAGE, chosen.length - shown))}
            </Button>
          )}
          <div class="row">
            <ExportJson kept={chosen} many />
            <Button kind="danger" icon="bin" onClick={() => setAsked("all")}>
              {say.eraseAll}
            </Button>
          </div>
        </>
      )}
      {asked && (
        <ConfirmErase
          title={asked === "all" ? say.eraseAllTitle : say.eraseOneTitle}
          text={asked === "all" ? say.eraseAllText(kept.length) : say.eraseOneText(asked.name)}
          onErase={() => void eraseAsked()}
          onClose={() => setAsked(null)}
        />
      )}
    </>
  );
}

function Empty() {
  const say = messages.value.history;
  return (
    <div class="history-empty">
      <Icon name="history" size={40} />
      <p class="title">{say.empty}</p>
      <p class="muted">{say.emptyHint}</p>
    </div>
  );
}

interface FilterProps {
  kept: readonly KeptReading[];
  decision: Decision | "all";
  onChange: (decision: Decision | "all") => void;
}

function Filter({ kept, decision, onChange }: FilterProps) {
  const say = messages.value.history;
  const there = new Set(kept.map((one) => one.reading.decision));
  if (there.size < 2 && decision === "all") return null;
  return (
    <div class="filter" role="group" aria-label={say.filter}>
      {DECISIONS.map((one) => (
        <button key={one} type="button" aria-pressed={one === decision} onClick={() => onChange(one)}>
          {one === "all" ? say.every : messages.value.read.decisions[one]}
        </button>
      ))}
    </div>
  );
}
