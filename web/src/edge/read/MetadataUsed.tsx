// What was known of the person when the photograph was read.

import { Button } from "../../design/Button";
import { Card } from "../../design/Card";
import { Facts } from "../../design/Facts";
import { messages } from "../../messages";
import type { Manifest } from "../../reader/bundle";
import type { Metadata } from "../../reader/contract";
import { labelOf, valueOf } from "./metadata";

interface MetadataUsedProps {
  manifest: Pick<Manifest, "metadata">;
  metadata: Metadata;
  missing: readonly string[];
  onChange?: () => void;
}

export function MetadataUsed({ manifest, metadata, missing, onChange }: MetadataUsedProps) {
  const say = messages.value.read;
  if (manifest.metadata.length === 0) return null;
  return (
    <Card title={say.detailsUsed}>
      <Facts
        rows={manifest.metadata.map((field) => {
          const value = missing.includes(field.name) ? null : valueOf(field, metadata);
          return [labelOf(field), value ?? <span class="muted">{say.unknown}</span>] as const;
        })}
      />
      {onChange && (
        <div class="row">
          <Button icon="person" onClick={onChange}>
            {say.detailsChange}
          </Button>
        </div>
      )}
    </Card>
  );
}
