// A photograph that is better taken again: what is wrong with it, and what to do.

import type { Ref } from "preact";
import { Button } from "../../design/Button";
import { Icon } from "../../design/Icon";
import { Picture } from "../../design/Picture";
import { messages } from "../../messages";
import type { Retake } from "../../reader/contract";
import { FileButtons } from "./FileButtons";
import "./RetakeView.css";

interface RetakeViewProps {
  retake: Retake;
  file: File;
  heading: Ref<HTMLHeadingElement>;
  onAnyway: () => void;
  onFiles: (files: readonly File[]) => void;
}

export function RetakeView({ retake, file, heading, onAnyway, onFiles }: RetakeViewProps) {
  const say = messages.value.quality;
  return (
    <div class="retake">
      <div class="preview">
        <Picture blob={file} alt={messages.value.read.photographAlt(file.name)} />
      </div>
      <section class="card retake-words" aria-labelledby="retake-title">
        <header>
          <h1 id="retake-title" ref={heading} tabIndex={-1}>
            {say.title}
          </h1>
        </header>
        <p>{say.lead}</p>
        <ul>
          {retake.quality.map((warning) => (
            <li key={warning}>
              <Icon name="attention" size={22} />
              <div>
                <strong>{say.warnings[warning].what}</strong>
                <p>{say.warnings[warning].todo}</p>
              </div>
            </li>
          ))}
        </ul>
        <div class="actions">
          <FileButtons onFiles={onFiles} />
          <Button kind="quiet" onClick={onAnyway}>
            {say.anyway}
          </Button>
        </div>
      </section>
    </div>
  );
}
