// The answer: word, colour and silhouette, and what it means in a sentence.

import type { Ref } from "preact";
import { Icon } from "../../design/Icon";
import { messages } from "../../messages";
import type { Reading } from "../../reader/contract";
import "./DecisionCard.css";

interface DecisionCardProps {
  reading: Pick<Reading, "decision" | "reason">;
  /** Of the heading. */
  level: 1 | 2;
  /** The heading, so that the focus can go to it. */
  heading?: Ref<HTMLHeadingElement>;
}

export function DecisionCard({ reading: { decision, reason }, level, heading }: DecisionCardProps) {
  const say = messages.value.read;
  const Heading = level === 1 ? "h1" : "h2";
  const meaning = decision === "cannot-assess" ? say.reasons[reason ?? "novel"] : say.meanings[decision];
  return (
    <section class={`decision ${decision}`} aria-label={say.decision}>
      <span class="sign">
        <Icon name={decision} size={36} />
      </span>
      <div>
        <Heading ref={heading ?? null} tabIndex={-1}>
          {say.decisions[decision]}
        </Heading>
        <p>{meaning}</p>
      </div>
    </section>
  );
}
