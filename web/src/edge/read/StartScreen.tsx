// Where one begins: take or choose a photograph, and know what happens to it.

import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "../../design/Icon";
import { messages } from "../../messages";
import type { Opened } from "../../reader/contract";
import { problem, selfTest } from "../state";
import type { Desk } from "./desk";
import { FileButtons } from "./FileButtons";
import "./StartScreen.css";

interface StartScreenProps {
  desk: Desk;
  opened: Opened | null;
  onFiles: (files: readonly File[]) => void;
}

export function StartScreen({ desk, opened, onFiles }: StartScreenProps) {
  const say = messages.value.read;
  const waiting = desk.photographs.value.length;
  return (
    <div class="start">
      <div class="start-words">
        <h1>{say.start}</h1>
        {opened?.manifest.intended_use && <p class="muted">{opened.manifest.intended_use}</p>}
      </div>
      <div class="start-buttons">
        <FileButtons large onFiles={onFiles} />
        <p class="muted small drop-hint">{say.drop}</p>
        {waiting > 0 && (
          <a class="button quiet" href="#read/list">
            <Icon name="layers" size={20} />
            <span>{say.photographs(waiting)}</span>
          </a>
        )}
      </div>
      <ul class="start-facts">
        <Fact icon="lock">{say.private}</Fact>
        <State />
        <Fact icon="attention">
          {say.notDiagnosis} <a href="#about">{say.useFor}</a>
        </Fact>
      </ul>
    </div>
  );
}

function Fact({ icon, children }: { icon: IconName; children: ComponentChildren }) {
  return (
    <li>
      <Icon name={icon} size={22} />
      <span>{children}</span>
    </li>
  );
}

function State() {
  const say = messages.value.read;
  const tested = selfTest.value;
  if (problem.value) return null;
  if (tested && tested !== "running") return tested.passed ? <Fact icon="check">{say.correct}</Fact> : null;
  return (
    <li>
      <span class="spinner" aria-hidden="true" />
      <span role="status">
        {tested ? say.checking : say.opening} {!tested && <span class="muted">{say.openingHint}</span>}
      </span>
    </li>
  );
}
