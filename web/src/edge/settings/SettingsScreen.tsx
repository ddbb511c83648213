// What the person may choose: language, appearance, history, speed.

import { messages } from "../../messages";
import { change, LANGUAGES, settings, THEMES } from "./settings";

export function SettingsScreen() {
  const say = messages.value.settings;
  const chosen = settings.value;
  return (
    <section aria-labelledby="settings-title">
      <h1 id="settings-title">{say.title}</h1>
      <fieldset>
        <legend>{say.language}</legend>
        {LANGUAGES.map((one) => (
          <label key={one}>
            <input type="radio" name="language" checked={chosen.language === one} onChange={() => change({ language: one })} />
            {say.languages[one]}
          </label>
        ))}
      </fieldset>
      <fieldset>
        <legend>{say.theme}</legend>
        {THEMES.map((one) => (
          <label key={one}>
            <input type="radio" name="theme" checked={chosen.theme === one} onChange={() => change({ theme: one })} />
            {say.themes[one]}
          </label>
        ))}
      </fieldset>
      <label>
        <input type="checkbox" checked={chosen.keepHistory} onChange={() => change({ keepHistory: !chosen.keepHistory })} />
        {say.keepHistory}
      </label>
    </section>
  );
}
