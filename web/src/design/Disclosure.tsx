import type { ComponentChildren } from "preact";
import { Icon } from "./Icon";
import "./Disclosure.css";

interface DisclosureProps {
  title: string;
  /** Called each time it is opened. */
  onOpen?: () => void;
  children: ComponentChildren;
}

/** What only some want to know. */
export function Disclosure({ title, onOpen, children }: DisclosureProps) {
  return (
    <details class="disclosure" onToggle={(event) => event.currentTarget.open && onOpen?.()}>
      <summary>
        <span>{title}</span>
        <Icon name="down" size={18} />
      </summary>
      <div class="stack">{children}</div>
    </details>
  );
}
