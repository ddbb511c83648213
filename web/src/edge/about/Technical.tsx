// Which reader, which files, on what: for whoever has to trace an answer.

import type { ComponentChildren } from "preact";
import { Card } from "../../design/Card";
import { Disclosure } from "../../design/Disclosure";
import { Facts } from "../../design/Facts";
import { messages } from "../../messages";
import { count, decimal, percent } from "../../messages/numbers";
import type { Opened } from "../../reader/contract";

type Row = readonly [name: string, value: ComponentChildren];

export function Technical({ opened: { manifest, site, runtime } }: { opened: Opened }) {
  const say = messages.value.about;
  const small = site.small ? manifest.small : null;
  const packed = manifest.provenance["created"];
  const rows: (Row | null)[] = [
    [say.facts.bundle, site.bundle],
    typeof packed === "string" && packed ? [say.facts.packed, packed] : null,
    [say.facts.network, small ? say.small(small.storage, decimal(small.bytes / 1e6, 1)) : say.full],
    small && small.decisions_changed !== null && small.largest_score_change !== null
      ? [
          say.facts.change,
          say.changed(
            percent(small.decisions_changed, 1),
            count(small.images),
            decimal(small.largest_score_change, 3),
          ),
        ]
      : null,
    [say.facts.backend, say.threads(runtime.backend === "wasm" ? "WebAssembly" : "WebGPU", runtime.threads)],
    [say.facts.decoder, say.decoders[runtime.decoder]],
    [say.facts.opened, say.milliseconds(count(runtime.openedMs))],
    runtime.notes.length > 0
      ? [
          say.facts.notes,
          <span key="notes" lang="en">
            {runtime.notes.join(" ")}
          </span>,
        ]
      : null,
    [say.facts.overread, site.overread],
    [say.facts.site, <code key="site">{site.digest}</code>],
    [say.facts.digest, <code key="digest">{site.bundle_digest}</code>],
  ];
  return (
    <Card>
      <Disclosure title={say.technical}>
        <Facts rows={rows.filter((row) => row !== null)} />
      </Disclosure>
    </Card>
  );
}
