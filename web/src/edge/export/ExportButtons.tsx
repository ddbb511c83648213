// Take a reading away from the device, because the person asks for it.

import { useState } from "preact/hooks";
import { Button } from "../../design/Button";
import { messages } from "../../messages";
import type { KeptReading } from "../history/kept";
import { exportJson } from "./json";
import { fileName, save } from "./save";

interface ExportJsonProps {
  kept: readonly KeptReading[];
  /** Of the whole list: the button and the file say so. */
  many?: boolean;
}

export function ExportJson({ kept, many = false }: ExportJsonProps) {
  const say = messages.value.exporting;
  const toFile = () => {
    const content = new Blob([exportJson(kept)], { type: "application/json" });
    const [first] = kept;
    const now = new Date().toISOString();
    if (many || !first) save(content, fileName(say.readings, now, "overread", "json"));
    else save(content, fileName(first.name, first.readAt, say.reading, "json"));
  };
  return (
    <Button icon="download" disabled={kept.length === 0} onClick={toFile}>
      {many ? say.jsonOfAll(kept.length) : say.json}
    </Button>
  );
}

/** Both exports of one reading. */
export function ExportButtons({ kept }: { kept: KeptReading }) {
  const say = messages.value.exporting;
  const [state, setState] = useState<"idle" | "working" | "failed">("idle");
  const toPdf = async () => {
    setState("working");
    try {
      // Loaded when it is asked for: the library is larger than the app.
      const { exportPdf } = await import("./pdf");
      save(await exportPdf(kept), fileName(kept.name, kept.readAt, say.reading, "pdf"));
      setState("idle");
    } catch {
      setState("failed");
    }
  };
  return (
    <>
      <Button icon="page" disabled={state === "working"} onClick={() => void toPdf()}>
        {say.pdf}
      </Button>
      <ExportJson kept={[kept]} />
      <p class="small" role="status">
        {state === "failed" ? say.pdfFailed : ""}
      </p>
    </>
  );
}
