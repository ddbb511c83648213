// What is needed to trace a reading.

import { Card } from "../../design/Card";
import { Disclosure } from "../../design/Disclosure";
import { Facts } from "../../design/Facts";
import { messages } from "../../messages";
import { count, decimal } from "../../messages/numbers";
import type { Opened, Reading } from "../../reader/contract";

export function Technical({
  reading,
  opened,
}: {
  reading: Reading;
  opened: Pick<Opened, "manifest" | "site">;
}) {
  const say = messages.value.read;
  const { decodeMs, preprocessMs, networkMs } = reading.timing;
  const { manifest, site } = opened;
  const threshold = (site.small && manifest.small?.novelty_threshold) || manifest.triage.novelty_threshold;
  const ms = (value: number) => count(value);
  return (
    <Card>
      <Disclosure title={say.technical}>
        <Facts
          rows={[
            [say.facts.bundle, reading.bundle],
            [say.facts.operatingPoint, reading.operatingPoint || "–"],
            [say.facts.novelty, say.noveltyOf(decimal(reading.novelty, 3), decimal(threshold, 3))],
            [say.facts.size, say.pixels(reading.width, reading.height)],
            [
              say.facts.time,
              say.took(
                ms(decodeMs + preprocessMs + networkMs),
                ms(decodeMs),
                ms(preprocessMs),
                ms(networkMs),
              ),
            ],
            [say.facts.sha256, <code key="sha256">{reading.sha256}</code>],
          ]}
        />
      </Disclosure>
    </Card>
  );
}
