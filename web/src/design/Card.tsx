import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import "./Card.css";

interface CardProps {
  title?: string;
  /** Of the title; 1 where the card is the page. */
  level?: 1 | 2;
  /** Stands beside the title. */
  aside?: ComponentChildren;
  children: ComponentChildren;
}

/** One thing on its own surface; a landmark where it has a title. */
export function Card({ title, level = 2, aside, children }: CardProps) {
  const id = useId();
  const Heading = level === 1 ? "h1" : "h2";
  return (
    <section class="card" aria-labelledby={title ? id : undefined}>
      {title && (
        <header>
          <Heading id={id}>{title}</Heading>
          {aside}
        </header>
      )}
      {children}
    </section>
  );
}
