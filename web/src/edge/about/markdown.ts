// As much of Markdown as a model card is written in: headings, paragraphs, lists, tables, strong words, code
// and escaped characters.

export type Inline = { kind: "text" | "strong" | "code"; text: string };

export type Block =
  | { kind: "heading"; level: number; words: Inline[] }
  | { kind: "paragraph"; words: Inline[] }
  | { kind: "list"; items: Inline[][] }
  | { kind: "table"; head: Inline[][]; rows: Inline[][][] };

const HEADING = /^(#{1,6})\s+(.*)$/;
const ITEM = /^[-*]\s+/;
const RULE = /^\|[\s|:-]+\|$/;

export function parseMarkdown(text: string): Block[] {
  const groups = text.replaceAll("\r\n", "\n").split(/\n\s*\n/);
  return groups.flatMap((group) => blocksOf(group.split("\n").filter((line) => line.trim() !== "")));
}

// A heading may stand right above other lines.
function blocksOf(lines: string[]): Block[] {
  const [first, ...rest] = lines;
  if (first === undefined) return [];
  const heading = HEADING.exec(first);
  if (heading) {
    const [, marks = "", words = ""] = heading;
    return [{ kind: "heading", level: marks.length, words: inlineOf(words) }, ...blocksOf(rest)];
  }
  if (lines.every((line) => line.startsWith("|"))) return [tableOf(lines)];
  if (ITEM.test(first)) return [{ kind: "list", items: itemsOf(lines) }];
  return [{ kind: "paragraph", words: inlineOf(lines.join(" ")) }];
}

function itemsOf(lines: string[]): Inline[][] {
  const items: string[] = [];
  for (const line of lines) {
    if (ITEM.test(line)) items.push(line.replace(ITEM, ""));
    else items.push(`${items.pop() ?? ""} ${line.trim()}`); // A long item goes on in the next line.
  }
  return items.map(inlineOf);
}

function tableOf(lines: string[]): Block {
  const cells = (line: string) =>
    line
      .slice(1)
      .replace(/\|\s*$/, "")
      .split(/(?<!\\)\|/)
      .map((cell) => inlineOf(cell.trim()));
  const [head = "", ...rows] = lines.filter((line) => !RULE.test(line.trim()) || !line.includes("-"));
  return { kind: "table", head: cells(head), rows: rows.map(cells) };
}

/** Strong, code and escaped characters; anything else is what it is. */
export function inlineOf(text: string): Inline[] {
  const parts: Inline[] = [];
  const add = (kind: Inline["kind"], words: string) => {
    const last = parts.at(-1);
    if (last?.kind === kind && kind === "text") last.text += words;
    else if (words) parts.push({ kind, text: words });
  };
  for (const [whole, escaped, code, strong] of text.matchAll(
    /\\([\\`*_{}[\]()#+\-.!|<>~])|`([^`]+)`|\*\*(.+?)\*\*|[^\\`*]+|./gsu,
  )) {
    if (escaped !== undefined) add("text", escaped);
    else if (code !== undefined) add("code", code);
    else if (strong !== undefined)
      add(
        "strong",
        inlineOf(strong)
          .map((part) => part.text)
          .join(""),
      );
    else add("text", whole);
  }
  return parts;
}
