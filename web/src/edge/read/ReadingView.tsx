// A reading with its photograph: for one that was just made, and for one that was kept.

import type { ComponentChildren, Ref } from "preact";
import { Notice } from "../../design/Notice";
import { messages } from "../../messages";
import type { Metadata, Opened, Reading } from "../../reader/contract";
import { DecisionCard } from "./DecisionCard";
import { Meaning } from "./Meaning";
import { MetadataUsed } from "./MetadataUsed";
import { PhotographMap } from "./PhotographMap";
import { Scores } from "./Scores";
import { Technical } from "./Technical";
import "./ReadingView.css";

interface ReadingViewProps {
  reading: Reading;
  /** Of the reader that made it. */
  opened: Pick<Opened, "manifest" | "site">;
  photograph: Blob;
  /** Of the file. */
  name: string;
  metadata?: Metadata;
  /** Of the decision's heading. */
  level?: 1 | 2;
  heading?: Ref<HTMLHeadingElement>;
  /** Asks for other metadata. */
  onChangeMetadata?: () => void;
  /** What can be done with it. */
  children?: ComponentChildren;
}

export function ReadingView(props: ReadingViewProps) {
  const {
    reading,
    opened,
    photograph,
    name,
    metadata = {},
    level = 2,
    heading,
    onChangeMetadata,
    children,
  } = props;
  const say = messages.value.read;
  const advice = messages.value.quality.warnings;
  return (
    <article class="reading" aria-label={say.result(say.decisions[reading.decision], name)}>
      <div class="reading-answer stack">
        <DecisionCard reading={reading} level={level} {...(heading ? { heading } : {})} />
        {reading.quality.length > 0 && (
          <Notice tone="attention">
            {messages.value.quality.readAnyway(reading.quality.map((one) => advice[one].name).join(", "))}
          </Notice>
        )}
      </div>
      <div class="reading-picture">
        <PhotographMap reading={reading} opened={opened} photograph={photograph} name={name} />
      </div>
      <div class="reading-words stack">
        <Scores reading={reading} opened={opened} />
        <MetadataUsed
          manifest={opened.manifest}
          metadata={metadata}
          missing={reading.metadataMissing}
          {...(onChangeMetadata ? { onChange: onChangeMetadata } : {})}
        />
        <Meaning opened={opened} decision={reading.decision} />
        <Notice>
          {say.notDiagnosisLong} <a href="#about">{say.useFor}</a>
        </Notice>
        {children}
        <Technical reading={reading} opened={opened} />
      </div>
    </article>
  );
}
