// A file that could not be read, why, and what to do.

import type { Ref } from "preact";
import { Icon } from "../../design/Icon";
import { messages } from "../../messages";
import type { Rejected } from "../../reader/contract";
import { FileButtons } from "./FileButtons";
import "./RejectedView.css";

interface RejectedViewProps {
  rejected: Rejected;
  heading: Ref<HTMLHeadingElement>;
  onFiles: (files: readonly File[]) => void;
}

export function RejectedView({ rejected, heading, onFiles }: RejectedViewProps) {
  const say = messages.value.read;
  return (
    <section class="card rejected" aria-labelledby="rejected-title">
      <Icon name="page" size={36} />
      <h1 id="rejected-title" ref={heading} tabIndex={-1}>
        {say.rejectedTitle}
      </h1>
      <p>{say.rejected[rejected.reason]}</p>
      <div class="actions">
        <FileButtons onFiles={onFiles} />
      </div>
    </section>
  );
}
