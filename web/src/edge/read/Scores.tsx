// Each score beside its threshold.

import { Card } from "../../design/Card";
import { Meter } from "../../design/Meter";
import { messages } from "../../messages";
import { anyOf, percent } from "../../messages/numbers";
import type { Opened, Reading } from "../../reader/contract";
import { digitsOf, scoreTable, type ScoreRow } from "./scores";
import "./Scores.css";

export function Scores({ reading, opened }: { reading: Reading; opened: Pick<Opened, "manifest" | "site"> }) {
  const say = messages.value.read;
  const { deciding, others } = scoreTable(reading, opened);
  return (
    <Card title={say.scores}>
      <ul class="scores">
        {[...deciding, ...others].map((row) => (
          <Row key={row.names.join()} row={row} />
        ))}
      </ul>
      <p class="muted tiny">
        {reading.reason === "novel" ? say.scoresUnknown : say.scoresNote}{" "}
        {deciding.length === 0 && say.notUrgentCut}
      </p>
    </Card>
  );
}

function Row({ row }: { row: ScoreRow }) {
  const say = messages.value.read;
  const digits = digitsOf(row);
  const over = row.threshold !== null && row.score >= row.threshold;
  return (
    <li>
      <span class="name">
        {anyOf(row.names)}
        {row.urgent && row.threshold === null && <span class="muted tiny"> {say.isUrgentClass}</span>}
      </span>
      <strong class={over ? "over" : ""}>{percent(row.score, digits)}</strong>
      <Meter value={row.score} mark={row.threshold} strong={over} />
      {row.threshold !== null && (
        <span class="muted tiny">{say.atThreshold(percent(row.threshold, digits))}</span>
      )}
    </li>
  );
}
