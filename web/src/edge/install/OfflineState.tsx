// Whether it reads without a network, for the settings or wherever somebody asks.

import { useEffect, useState } from "preact/hooks";
import { Button } from "../../design/Button";
import { Card } from "../../design/Card";
import { messages } from "../../messages";
import { InstallButton } from "./InstallButton";
import { installing, persist, persisted } from "./installing";
import { offline, type Offline } from "./offline";
import { Preparing } from "./Preparing";
import { whyNot } from "./whyNot";

export function OfflineState() {
  const state = offline.value;
  return (
    <Card title={messages.value.install.title}>
      {state.kind === "keeping" ? <Preparing /> : <p role="status">{sentence(state)}</p>}
      {state.kind === "kept" && <ForGood />}
      <InstallButton />
    </Card>
  );
}

function sentence(state: Exclude<Offline, { kind: "keeping" }>): string {
  const say = messages.value.install;
  if (state.kind !== "failed") return say[state.kind];
  return state.failure ? say.failedAs(whyNot(state.failure)) : say.failed;
}

/** Whether the browser may erase it again. */
function ForGood() {
  const say = messages.value.install;
  const [safe, setSafe] = useState<boolean | null>(null);
  const [refused, setRefused] = useState(false);
  const installed = installing.value === "installed";
  useEffect(() => {
    void persisted().then(setSafe);
  }, [installed]);
  if (safe !== false) return null;
  const ask = async () => {
    const granted = await persist();
    setSafe(granted);
    setRefused(!granted);
  };
  return (
    <div class="stack close">
      <p class="small muted">{refused ? say.notPersisted : say.mayBeErased}</p>
      {!refused && (
        <div class="row">
          <Button icon="lock" onClick={() => void ask()}>
            {say.persist}
          </Button>
        </div>
      )}
    </div>
  );
}
