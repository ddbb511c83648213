// Files that are dropped on the page or pasted into it.

import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../../design/Icon";
import { messages } from "../../messages";
import "./DropZone.css";

/** Takes them wherever on the page they fall. */
export function DropZone({ onFiles }: { onFiles: (files: readonly File[]) => void }) {
  const [over, setOver] = useState(false);
  const take = useRef(onFiles);
  take.current = onFiles;
  useEffect(() => {
    const events = new AbortController();
    const listen = { signal: events.signal };
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    document.addEventListener(
      "dragover",
      (event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setOver(true);
      },
      listen,
    );
    document.addEventListener("dragleave", (event) => event.relatedTarget === null && setOver(false), listen);
    document.addEventListener(
      "drop",
      (event) => {
        if (!hasFiles(event)) return;
        event.preventDefault(); // Or the browser would leave the page for the file.
        setOver(false);
        take.current([...(event.dataTransfer?.files ?? [])]);
      },
      listen,
    );
    document.addEventListener(
      "paste",
      (event) => take.current([...(event.clipboardData?.files ?? [])]),
      listen,
    );
    return () => events.abort();
  }, []);
  if (!over) return null;
  return (
    <div class="drop-now" aria-hidden="true">
      <Icon name="download" size={40} />
      <span>{messages.value.read.dropNow}</span>
    </div>
  );
}
