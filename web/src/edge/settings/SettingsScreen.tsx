// What the person may choose: language, appearance, history, speed.

import { useState } from "preact/hooks";
import { Button } from "../../design/Button";
import { Card } from "../../design/Card";
import { Select } from "../../design/Field";
import { Notice } from "../../design/Notice";
import { Switch } from "../../design/Switch";
import { messages } from "../../messages";
import { ConfirmErase } from "../history/ConfirmErase";
import { erase, list } from "../history/store";
import { opened } from "../state";
import { change, LANGUAGES, settings, THEMES } from "./settings";

export function SettingsScreen() {
  const say = messages.value.settings;
  const chosen = settings.value;
  return (
    <div class="stack">
      <h1>{say.title}</h1>
      <Card title={say.look}>
        <Select
          label={say.language}
          value={chosen.language}
          options={LANGUAGES.map((value) => ({ value, label: say.languages[value] }))}
          onChange={(language) => change({ language })}
        />
        <Select
          label={say.theme}
          value={chosen.theme}
          options={THEMES.map((value) => ({ value, label: say.themes[value] }))}
          onChange={(theme) => change({ theme })}
        />
      </Card>
      <HistoryCard />
      {hasGpuRuntime() && (
        <Card title={say.speed}>
          <Switch label={say.gpu} hint={say.gpuHint} checked={chosen.gpu} onChange={(gpu) => change({ gpu })} />
        </Card>
      )}
    </div>
  );
}

/** Whether the site was written with it (`overread edge --webgpu`). */
function hasGpuRuntime(): boolean {
  return opened.value?.site.files.some((file) => file.path.startsWith("assets/webgpu/")) ?? false;
}

type Asked = { why: "off" | "erase"; count: number };

function HistoryCard() {
  const { settings: say, history } = messages.value;
  const [asked, setAsked] = useState<Asked | null>(null);
  const [told, setTold] = useState("");
  const ask = async (why: Asked["why"]) => {
    setTold("");
    const count = await list().then((all) => all.length, () => null);
    if (count) setAsked({ why, count });
    else if (why === "erase") setTold(count === 0 ? history.empty : history.unreadable);
  };
  const eraseAll = async () => {
    setAsked(null);
    setTold(await erase().then(() => history.erased, () => history.unreadable));
  };
  return (
    <Card title={say.history}>
      <Switch
        label={say.keepHistory}
        hint={say.keepHistoryHint}
        checked={settings.value.keepHistory}
        onChange={(keepHistory) => {
          change({ keepHistory });
          if (!keepHistory) void ask("off");
        }}
      />
      <div class="row">
        <Button icon="bin" kind="danger" onClick={() => void ask("erase")}>
          {history.eraseAll}
        </Button>
      </div>
      <div role="status">{told && <Notice>{told}</Notice>}</div>
      {asked && (
        <ConfirmErase
          title={asked.why === "off" ? say.turnOffTitle : history.eraseAllTitle}
          text={asked.why === "off" ? say.turnOffText(asked.count) : history.eraseAllText(asked.count)}
          {...(asked.why === "off" ? { leave: say.leaveThem } : {})}
          onErase={() => void eraseAll()}
          onClose={() => setAsked(null)}
        />
      )}
    </Card>
  );
}
