import type { Block, Inline } from "./markdown";
import "./Markdown.css";

interface MarkdownProps {
  blocks: readonly Block[];
  /** Levels that stand above it on the page. */
  below: number;
}

/** Words and tables of a text that was written elsewhere; it can hold no markup of the page. */
export function Markdown({ blocks, below }: MarkdownProps) {
  return (
    <div class="markdown">
      {blocks.map((block, index) => (
        <One key={index} block={block} below={below} />
      ))}
    </div>
  );
}

function One({ block, below }: { block: Block; below: number }) {
  if (block.kind === "paragraph")
    return (
      <p>
        <Words words={block.words} />
      </p>
    );
  if (block.kind === "heading") {
    const Heading = `h${Math.min(6, block.level + below)}` as "h3" | "h4" | "h5" | "h6";
    return (
      <Heading>
        <Words words={block.words} />
      </Heading>
    );
  }
  if (block.kind === "list") {
    return (
      <ul>
        {block.items.map((item, index) => (
          <li key={index}>
            <Words words={item} />
          </li>
        ))}
      </ul>
    );
  }
  const named = block.head.some((cell) => cell.length > 0);
  return (
    <div class="scroll" tabIndex={0} role="group">
      <table>
        {named && (
          <thead>
            <tr>
              {block.head.map((cell, index) => (
                <th key={index} scope="col">
                  <Words words={cell} />
                </th>
              ))}
            </tr>
          </thead>
        )}
        <tbody>
          {block.rows.map(([first, ...cells], row) => (
            <tr key={row}>
              <th scope="row">
                <Words words={first ?? []} />
              </th>
              {cells.map((cell, index) => (
                <td key={index}>
                  <Words words={cell} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Words({ words }: { words: readonly Inline[] }) {
  return (
    <>
      {words.map((part, index) => {
        if (part.kind === "strong") return <strong key={index}>{part.text}</strong>;
        if (part.kind === "code") return <code key={index}>{part.text}</code>;
        return part.text;
      })}
    </>
  );
}
