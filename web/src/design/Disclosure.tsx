import type { ComponentChildren } from "preact";
import { Icon } from "./Icon";
import "./Disclosure.css";

/** What only some want to know. */
export function Disclosure({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <details class="disclosure">
      <summary>
        <span>{title}</span>
        <Icon name="down" size={18} />
      </summary>
      <div class="stack">{children}</div>
    </details>
  );
}
