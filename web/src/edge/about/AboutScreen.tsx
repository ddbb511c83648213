// What the reader is for and not for, what is known of it, and whether it reads correctly here.

import { useState } from "preact/hooks";
import { Card } from "../../design/Card";
import { Disclosure } from "../../design/Disclosure";
import { Notice } from "../../design/Notice";
import { messages } from "../../messages";
import type { Opened } from "../../reader/contract";
import { Meaning } from "../read/Meaning";
import { opened } from "../state";
import { Figures } from "./Figures";
import { ModelCard } from "./ModelCard";
import { Technical } from "./Technical";
import { ThisDevice } from "./ThisDevice";
import "./AboutScreen.css";

export function AboutScreen({ onTest }: { onTest: () => void }) {
  const say = messages.value.about;
  const now = opened.value;
  return (
    <div class="about">
      <div class="about-head">
        <h1>{say.title}</h1>
        {now && <p class="muted">{say.bundle(now.manifest.name, now.manifest.version)}</p>}
      </div>
      <div class="stack">
        {now && <Use opened={now} />}
        <ThisDevice onTest={onTest} />
        {now && <Figures opened={now} />}
      </div>
      {now && (
        <div class="stack">
          <Meaning opened={now} decision={null} />
          <CardOnDemand opened={now} />
          <Technical opened={now} />
        </div>
      )}
    </div>
  );
}

function Use({ opened: { manifest } }: { opened: Opened }) {
  const say = messages.value.about;
  const urgent = new Set(manifest.triage.urgent);
  return (
    <Card title={say.use}>
      <p>{manifest.intended_use || say.useUnknown}</p>
      <h3>{say.findings}</h3>
      <ul>
        {manifest.classes.map((name) => (
          <li key={name}>
            {name} {urgent.has(name) && <span class="muted small">({say.urgentFinding})</span>}
          </li>
        ))}
      </ul>
      <h3>{say.notFor}</h3>
      <ul>
        {manifest.limits.map((limit) => (
          <li key={limit}>{limit}</li>
        ))}
      </ul>
      <Notice tone="attention">{say.notDiagnosis}</Notice>
    </Card>
  );
}

/** Long, and fetched only for whoever opens it. */
function CardOnDemand({ opened: { site } }: { opened: Opened }) {
  const [wanted, setWanted] = useState(false);
  return (
    <Card>
      <Disclosure title={messages.value.about.card} onOpen={() => setWanted(true)}>
        {wanted && <ModelCard site={site} />}
      </Disclosure>
    </Card>
  );
}
