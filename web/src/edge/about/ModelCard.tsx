import { useEffect, useState } from "preact/hooks";
import { messages } from "../../messages";
import type { Site } from "../../reader/site";
import { Markdown } from "./Markdown";
import { loadModelCard, type ModelCard as Loaded } from "./modelCard";

export function ModelCard({ site }: { site: Site }) {
  const say = messages.value.about;
  const [card, setCard] = useState<Loaded | null>(null);
  useEffect(() => {
    let current = true;
    void loadModelCard(site).then((loaded) => current && setCard(loaded));
    return () => {
      current = false;
    };
  }, [site]);
  if (!card) return <p class="muted">{say.cardLoading}</p>;
  if (card.kind === "missing") return <p>{say.cardMissing}</p>;
  if (card.kind === "unreachable") return <p>{say.cardUnreachable}</p>;
  if (card.kind === "changed") return <p role="alert">{say.cardChanged}</p>;
  // Overread writes it in English.
  return (
    <div lang="en">
      <Markdown blocks={card.blocks} below={2} />
    </div>
  );
}
