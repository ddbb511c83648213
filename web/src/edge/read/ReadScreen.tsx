// Photographs in, readings out.

import { useState } from "preact/hooks";
import type { ReaderClient } from "../../reader/client";
import type { Reading } from "../../reader/contract";
import { messages } from "../../messages";
import { opened } from "../state";

export function ReadScreen({ reader }: { reader: ReaderClient }) {
  const [reading, setReading] = useState<Reading | null>(null);
  const read = async (file: File | undefined) => {
    if (!file) return;
    const result = await reader.read(file, { anyway: true });
    if (result.kind === "reading") setReading(result);
  };
  return (
    <>
      <h1>{messages.value.read.start}</h1>
      <input
        type="file"
        accept="image/jpeg,image/png"
        disabled={!opened.value}
        onChange={(event) => void read(event.currentTarget.files?.[0])}
      />
      <pre>{reading && JSON.stringify({ ...reading, saliency: undefined }, null, 1)}</pre>
    </>
  );
}
