// The bundle's model card: fetched when somebody wants to read it, shown only if it is the bundle's own.

import { sha256 } from "../../reader/sha256";
import type { Site } from "../../reader/site";
import { parseMarkdown, type Block } from "./markdown";

export const CARD = "bundle/MODEL_CARD.md";

export type ModelCard =
  { kind: "card"; blocks: Block[] } | { kind: "missing" } | { kind: "unreachable" } | { kind: "changed" };

export async function loadModelCard(site: Pick<Site, "files">): Promise<ModelCard> {
  const listed = site.files.find((file) => file.path === CARD);
  if (!listed) return { kind: "missing" };
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    const response = await fetch(new URL(CARD, document.baseURI));
    if (!response.ok) return { kind: "unreachable" };
    bytes = new Uint8Array(await response.arrayBuffer());
  } catch {
    return { kind: "unreachable" };
  }
  if ((await sha256(bytes)) !== listed.sha256) return { kind: "changed" };
  return { kind: "card", blocks: parseMarkdown(new TextDecoder().decode(bytes)) };
}
