import type { Decision } from "../reader/contract";
import { Icon } from "./Icon";
import "./DecisionMark.css";

/** A decision in one line: silhouette, colour and word. */
export function DecisionMark({ decision, word }: { decision: Decision; word: string }) {
  return (
    <span class={`decision-mark ${decision}`}>
      <Icon name={decision} size={18} />
      <span>{word}</span>
    </span>
  );
}
