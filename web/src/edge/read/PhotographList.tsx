// Several photographs, each with its decision as soon as it is there.

import { Button } from "../../design/Button";
import { DecisionMark } from "../../design/DecisionMark";
import { Icon, type IconName } from "../../design/Icon";
import { Picture } from "../../design/Picture";
import { messages } from "../../messages";
import type { Decision } from "../../reader/contract";
import { go } from "../place";
import type { Desk, Photograph } from "./desk";
import { FileButtons } from "./FileButtons";
import "./PhotographList.css";

export function PhotographList({ desk, onFiles }: { desk: Desk; onFiles: (files: readonly File[]) => void }) {
  const say = messages.value.read;
  const photographs = desk.photographs.value;
  const done = photographs.filter((one) => one.stage === "done" || one.stage === "failed").length;
  const clear = () => {
    desk.clear();
    go("read", "", { instead: true });
  };
  return (
    <>
      <div class="list-head">
        <h1>{say.photographs(photographs.length)}</h1>
        <p class="muted">{say.progress(done, photographs.length)}</p>
      </div>
      <Summary photographs={photographs} />
      <ul class="photograph-list">
        {photographs.map((one) => (
          <li key={one.id}>
            <a href={`#read/${one.id}`}>
              <span class="thumb">
                <Picture blob={thumbnailOf(one)} alt="" />
              </span>
              <span class="words">
                <span class="name">{one.file.name}</span>
                <StageMark photograph={one} />
              </span>
              <Icon name="forward" size={18} />
            </a>
            <Button
              kind="quiet"
              icon="cross"
              label={say.remove(one.file.name)}
              onClick={() => desk.remove(one.id)}
            />
          </li>
        ))}
      </ul>
      <div class="actions">
        <FileButtons onFiles={onFiles} />
        <Button kind="quiet" onClick={clear}>
          {say.clear}
        </Button>
      </div>
    </>
  );
}

const DECISIONS: readonly Decision[] = ["urgent", "routine", "cannot-assess"];

/** How many of each decision, the urgent ones first. */
function Summary({ photographs }: { photographs: readonly Photograph[] }) {
  const say = messages.value.read;
  const decisions = photographs.flatMap(({ outcome }) =>
    outcome?.kind === "reading" ? [outcome.decision] : [],
  );
  if (decisions.length === 0) return null;
  return (
    <p class="row">
      {DECISIONS.map((decision) => {
        const number = decisions.filter((one) => one === decision).length;
        return (
          number > 0 && (
            <DecisionMark key={decision} decision={decision} word={`${number} ${say.decisions[decision]}`} />
          )
        );
      })}
    </p>
  );
}

// Whole photographs of a long list would not fit into a phone's memory: only those that have no small one.
function thumbnailOf({ kept, outcome, file }: Photograph): Blob | null {
  return kept?.thumbnail ?? (outcome?.kind === "retake" ? file : null);
}

function StageMark({ photograph: { stage, outcome } }: { photograph: Photograph }) {
  const say = messages.value.read;
  if (stage === "reading") {
    return (
      <span class="stage">
        <span class="spinner" aria-hidden="true" /> {say.reading}
      </span>
    );
  }
  if (stage === "waiting") return <span class="muted">{say.waiting}</span>;
  if (stage === "asks") return <Attention icon="person" words={say.asks} />;
  if (stage === "failed" || !outcome) return <Attention icon="attention" words={say.failedShort} />;
  if (outcome.kind === "reading")
    return <DecisionMark decision={outcome.decision} word={say.decisions[outcome.decision]} />;
  if (outcome.kind === "retake") return <Attention icon="again" words={say.retakeShort} />;
  return <Attention icon="page" words={say.rejectedShort} />;
}

function Attention({ icon, words }: { icon: IconName; words: string }) {
  return (
    <span class="stage attention">
      <Icon name={icon} size={18} /> {words}
    </span>
  );
}
