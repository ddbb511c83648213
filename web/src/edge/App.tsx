import { useEffect, useState } from "preact/hooks";
import type { ReaderClient } from "../reader/client";
import type { Opened, Reading } from "../reader/contract";

export function App({ reader }: { reader: ReaderClient }) {
  const [opened, setOpened] = useState<Opened | null>(null);
  const [reading, setReading] = useState<Reading | null>(null);
  useEffect(() => {
    void reader.open().then(setOpened);
  }, [reader]);
  const read = async (file: File | undefined) => {
    if (!file) return;
    const result = await reader.read(file);
    if (result.kind === "reading") setReading(result);
  };
  return (
    <main>
      <h1>{opened ? opened.site.bundle : "Overread"}</h1>
      <input type="file" accept="image/jpeg,image/png" disabled={!opened} onChange={(event) => void read(event.currentTarget.files?.[0])} />
      <pre>{reading && JSON.stringify({ ...reading, saliency: undefined }, null, 1)}</pre>
    </main>
  );
}
