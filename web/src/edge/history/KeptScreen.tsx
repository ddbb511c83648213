// One kept reading, as it was when it was made.

import { useState } from "preact/hooks";
import { Button } from "../../design/Button";
import { Icon } from "../../design/Icon";
import { Notice } from "../../design/Notice";
import { messages } from "../../messages";
import { ExportButtons } from "../export/ExportButtons";
import { go } from "../place";
import { ReadingView } from "../read/ReadingView";
import { opened } from "../state";
import { ConfirmErase } from "./ConfirmErase";
import { dateAndTime } from "./days";
import { remove, type KeptReading } from "./store";

export function KeptScreen({ kept }: { kept: KeptReading }) {
  const say = messages.value.history;
  const [asked, setAsked] = useState(false);
  const erase = async () => {
    setAsked(false);
    await remove(kept.id);
    go("history", "", { instead: true });
  };
  const other = opened.value !== null && opened.value.site.digest !== kept.opened.site.digest;
  return (
    <div class="stack history">
      <a class="button quiet back" href="#history">
        <Icon name="back" size={20} />
        <span>{say.back}</span>
      </a>
      <h1 class="name">{kept.name}</h1>
      <p class="muted small">
        {dateAndTime(kept.readAt)} · {kept.reading.bundle}
      </p>
      {other && <Notice tone="attention">{say.otherVersion(kept.reading.bundle)}</Notice>}
      <ReadingView
        reading={kept.reading}
        opened={kept.opened}
        photograph={kept.thumbnail}
        name={kept.name}
        metadata={kept.metadata}
      >
        <div class="row">
          <ExportButtons kept={kept} />
          <Button kind="danger" icon="bin" onClick={() => setAsked(true)}>
            {say.erase}
          </Button>
        </div>
      </ReadingView>
      {asked && (
        <ConfirmErase
          title={say.eraseOneTitle}
          text={say.eraseOneText(kept.name)}
          onErase={() => void erase()}
          onClose={() => setAsked(false)}
        />
      )}
    </div>
  );
}
