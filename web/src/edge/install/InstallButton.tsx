import { Button } from "../../design/Button";
import { messages } from "../../messages";
import { install, installing } from "./installing";

/** Nothing where the app is installed, or where the browser cannot. */
export function InstallButton() {
  const say = messages.value.install;
  if (installing.value === "by-hand") return <p class="small muted">{say.byHand}</p>;
  if (installing.value !== "offered") return null;
  return (
    <Button icon="download" onClick={() => void install()}>
      {say.install}
    </Button>
  );
}
