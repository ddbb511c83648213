// One photograph: what it waits for, or what became of it.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Button } from "../../design/Button";
import { Card } from "../../design/Card";
import { Icon } from "../../design/Icon";
import { Notice } from "../../design/Notice";
import { Picture } from "../../design/Picture";
import { messages } from "../../messages";
import type { Opened } from "../../reader/contract";
import { ExportButtons } from "../export/ExportButtons";
import { go } from "../place";
import { opened } from "../state";
import type { Desk, Photograph } from "./desk";
import { FileButtons } from "./FileButtons";
import { MetadataForm } from "./MetadataForm";
import { ReadingView } from "./ReadingView";
import { RejectedView } from "./RejectedView";
import { RetakeView } from "./RetakeView";
import "./PhotographScreen.css";

interface PhotographScreenProps {
  desk: Desk;
  photograph: Photograph;
  onFiles: (files: readonly File[]) => void;
}

export function PhotographScreen({ desk, photograph, onFiles }: PhotographScreenProps) {
  const say = messages.value.read;
  const several = desk.photographs.value.length > 1;
  const heading = useFocusOnEnd(photograph.stage);
  const now = opened.value;
  const leave = () => {
    if (several) go("read", "list");
    else {
      desk.clear();
      go("read");
    }
  };
  return (
    <>
      <div class="photograph-bar">
        <Button kind="quiet" icon="back" onClick={leave}>
          {several ? say.all : say.another}
        </Button>
        <span class="name muted small">{photograph.file.name}</span>
      </div>
      <State desk={desk} photograph={photograph} opened={now} heading={heading} onFiles={onFiles} />
    </>
  );
}

interface StateProps extends PhotographScreenProps {
  opened: Opened | null;
  heading: ReturnType<typeof useFocusOnEnd>;
}

function State({ desk, photograph, opened: now, heading, onFiles }: StateProps) {
  const say = messages.value.read;
  const { id, stage, outcome, file, kept, notKept, metadata } = photograph;
  if (stage === "waiting" || stage === "reading" || !now) {
    return <Working photograph={photograph}>{now ? say.reading : say.waitingReader}</Working>;
  }
  if (stage === "asks") {
    const asking = desk.photographs.value.filter((one) => one.stage === "asks").map((one) => one.id);
    return (
      <div class="asking">
        <Preview photograph={photograph} />
        <MetadataForm
          fields={now.manifest.metadata}
          start={metadata}
          waiting={asking.length}
          onTell={(told, all) => desk.tell(all ? asking : [id], told)}
        />
      </div>
    );
  }
  if (stage === "failed" || !outcome) {
    return (
      <Card title={say.failedTitle} level={1}>
        <p role="alert">{say.failed}</p>
        <div class="row">
          <Button kind="primary" icon="again" onClick={() => desk.tell([id], metadata)}>
            {say.again}
          </Button>
        </div>
      </Card>
    );
  }
  if (outcome.kind === "retake") {
    return (
      <RetakeView
        retake={outcome}
        file={file}
        heading={heading}
        onAnyway={() => desk.readAnyway(id)}
        onFiles={onFiles}
      />
    );
  }
  if (outcome.kind === "rejected")
    return <RejectedView rejected={outcome} heading={heading} onFiles={onFiles} />;
  return (
    <ReadingView
      reading={outcome}
      opened={now}
      photograph={file}
      name={file.name}
      metadata={metadata}
      level={1}
      heading={heading}
      onChangeMetadata={() => desk.ask(id)}
    >
      {notKept && <Notice tone="attention">{messages.value.history.notKept[notKept]}</Notice>}
      <div class="actions">{kept && <ExportButtons kept={kept} />}</div>
      <h2 class="for-readers-only">{say.another}</h2>
      <div class="actions">
        <FileButtons onFiles={onFiles} />
      </div>
    </ReadingView>
  );
}

function Working({ photograph, children }: { photograph: Photograph; children: ComponentChildren }) {
  return (
    <div class="working">
      <Preview photograph={photograph} />
      <h1>
        <span class="spinner" aria-hidden="true" /> {children}
      </h1>
    </div>
  );
}

function Preview({ photograph: { file } }: { photograph: Photograph }) {
  return (
    <div class="preview">
      <Icon name="photographs" size={32} />
      <Picture blob={file} alt={messages.value.read.photographAlt(file.name)} />
    </div>
  );
}

/** The focus goes to the answer: to one that is there already, or when it comes. */
function useFocusOnEnd(stage: Photograph["stage"]) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (stage === "done") heading.current?.focus({ preventScroll: true });
  }, [stage]);
  return heading;
}
