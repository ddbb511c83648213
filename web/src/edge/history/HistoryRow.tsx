// One line of the list: photograph, decision, name and time; the whole line opens it.

import { Button } from "../../design/Button";
import { DecisionMark } from "../../design/DecisionMark";
import { Icon } from "../../design/Icon";
import { Picture } from "../../design/Picture";
import { messages } from "../../messages";
import { anyOf, percent } from "../../messages/numbers";
import { scoreTable, type ScoreRow } from "../read/scores";
import { timeOf } from "./days";
import type { KeptReading } from "./store";

export function HistoryRow({ kept, onErase }: { kept: KeptReading; onErase: () => void }) {
  const say = messages.value.history;
  const { decision } = kept.reading;
  return (
    <li class="kept">
      <a href={`#history/${kept.id}`}>
        <span class="thumbnail">
          <Picture blob={kept.thumbnail} alt="" />
        </span>
        <span class="words">
          <DecisionMark decision={decision} word={messages.value.read.decisions[decision]} />
          <span class="name">{kept.name}</span>
          <span class="muted small">
            {[timeOf(kept.readAt), scoreOf(kept)].filter(Boolean).join(" · ")}
          </span>
        </span>
        <Icon name="forward" size={20} />
      </a>
      <Button kind="quiet" icon="bin" label={say.eraseNamed(kept.name)} onClick={onErase} />
    </li>
  );
}

/** The score nearest to being urgent, or over it by most; nobody should use one of what cannot be assessed. */
function scoreOf({ reading, opened }: KeptReading): string {
  if (reading.decision === "cannot-assess") return "";
  const { deciding, others } = scoreTable(reading, opened);
  const above = (row: ScoreRow) => row.score - (row.threshold ?? 0);
  const first = [...deciding].sort((a, b) => above(b) - above(a))[0] ?? others[0];
  return first ? `${anyOf(first.names)} ${percent(first.score)}` : "";
}
