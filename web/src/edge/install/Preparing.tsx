import { useId } from "preact/hooks";
import { messages } from "../../messages";
import { offline } from "./offline";
import "./Preparing.css";

/** How far the first visit's loading has come; nothing once it is done. */
export function Preparing() {
  const id = useId();
  const state = offline.value;
  if (state.kind !== "keeping") return null;
  const say = messages.value.install;
  return (
    <div class="preparing stack close">
      <p id={id} class="small">
        {say.keeping} <span class="muted">{say.progress(megabytes(state.bytes), megabytes(state.of))}</span>
      </p>
      <progress aria-labelledby={id} max={Math.max(1, state.of)} value={state.bytes} />
    </div>
  );
}

export function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
