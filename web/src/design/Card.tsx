import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import "./Card.css";

interface CardProps {
  title?: string;
  /** Stands beside the title. */
  aside?: ComponentChildren;
  children: ComponentChildren;
}

/** One thing on its own surface; a landmark where it has a title. */
export function Card({ title, aside, children }: CardProps) {
  const id = useId();
  return (
    <section class="card" aria-labelledby={title ? id : undefined}>
      {title && (
        <header>
          <h2 id={id}>{title}</h2>
          {aside}
        </header>
      )}
      {children}
    </section>
  );
}
