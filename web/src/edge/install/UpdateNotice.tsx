import { Button } from "../../design/Button";
import { Notice } from "../../design/Notice";
import { messages } from "../../messages";
import { update, useNow, type Update } from "./offline";
import { whyNot } from "./whyNot";

/** A new version is an offer: nothing changes until somebody takes it. */
export function UpdateNotice() {
  const told = update.value;
  if (!told) return null;
  const say = messages.value.install;
  const later = (
    <Button kind="quiet" onClick={() => (update.value = null)}>
      {say.later}
    </Button>
  );
  if (told.kind === "failed") {
    return (
      <Notice tone="attention" role="status" actions={later}>
        {say.updateFailed(whyNot(told.failure))}
      </Notice>
    );
  }
  const take =
    told.kind === "ready" ? (
      <Button onClick={() => void useNow()}>{say.useNow}</Button>
    ) : (
      <Button onClick={() => location.reload()}>{say.loadHere}</Button>
    );
  return (
    <Notice
      icon="again"
      role="status"
      title={told.kind === "ready" ? say.updateReady : say.elsewhere}
      actions={
        <>
          {take}
          {later}
        </>
      }
    >
      {told.kind === "ready" && whatIsNew(told)}
    </Notice>
  );
}

/** A person decides by it: never "the same reader" where another would answer. */
export function whatIsNew({ from, to }: Extract<Update, { kind: "ready" }>): string {
  const say = messages.value.install;
  if (from && from.bundle !== to.bundle) return say.updateFromTo(from.bundle, to.bundle);
  return from?.digest === to.digest ? say.updateApp : say.updateMadeAnew(to.bundle);
}
