// 1,000 people as dots, those who have the finding first.

import { messages } from "../../messages";
import { count } from "../../messages/numbers";
import type { People } from "./meaning";
import "./PeopleDots.css";

const COLUMNS = 40;
const PITCH = 10;

export function PeopleDots({ people: { present, absent } }: { people: People }) {
  const say = messages.value.read;
  const open = present["cannot-assess"] + absent["cannot-assess"];
  const groups = [
    { kind: "found", number: present.urgent, words: say.found },
    { kind: "missed", number: present.routine, words: say.missed },
    { kind: "false-alarm", number: absent.urgent, words: say.falseAlarm },
    { kind: "quiet", number: absent.routine, words: say.quiet },
    { kind: "open", number: open, words: say.openEither },
  ].filter((group) => group.number > 0 || group.kind === "missed");
  const starts = groups.map((_, index) =>
    groups.slice(0, index).reduce((sum, group) => sum + group.number, 0),
  );
  const rows = Math.ceil(groups.reduce((sum, group) => sum + group.number, 0) / COLUMNS);
  return (
    <figure class="people" aria-label={say.people}>
      <svg viewBox={`0 0 ${COLUMNS * PITCH} ${rows * PITCH}`} aria-hidden="true" focusable="false">
        {groups.map((group, index) => (
          <path key={group.kind} class={group.kind} d={dots(starts[index] ?? 0, group.number)} />
        ))}
      </svg>
      <ul>
        {groups.map((group) => (
          <li key={group.kind} class={group.kind}>
            <strong>{count(group.number)}</strong>
            <span>{group.words}</span>
          </li>
        ))}
      </ul>
    </figure>
  );
}

// A stroke of no length with round ends is a dot.
function dots(first: number, number: number): string {
  const marks = Array.from({ length: number }, (_, index) => {
    const place = first + index;
    return `M${(place % COLUMNS) * PITCH + PITCH / 2} ${Math.floor(place / COLUMNS) * PITCH + PITCH / 2}h0`;
  });
  return marks.join("");
}
