// "This device reads correctly": the self-test, and to run it again.

import { Button } from "../../design/Button";
import { Card } from "../../design/Card";
import { Notice } from "../../design/Notice";
import { messages } from "../../messages";
import { count, decimal } from "../../messages/numbers";
import { selfTest } from "../state";

export function ThisDevice({ onTest }: { onTest: () => void }) {
  const say = messages.value.about;
  const tested = selfTest.value;
  const running = tested === "running";
  return (
    <Card title={say.device}>
      <div role="status">
        {(tested === null || running) && (
          <p class="row">
            <span class="spinner" aria-hidden="true" /> {running ? say.testing : say.notTested}
          </p>
        )}
        {tested !== null && !running && tested.passed && (
          <Notice tone="good" title={say.correct}>
            {say.tested(count(tested.pictures), decimal(bound(tested.maxScoreDifference), 6))}
          </Notice>
        )}
        {tested !== null && !running && !tested.passed && <Notice tone="danger" title={say.failed} />}
      </div>
      <div class="row">
        <Button icon="again" disabled={tested === null || running} onClick={onTest}>
          {say.testAgain}
        </Button>
      </div>
    </Card>
  );
}

/** The next millionth above: "no more than" must be true. */
function bound(difference: number): number {
  return Math.ceil(difference * 1e6) / 1e6;
}
