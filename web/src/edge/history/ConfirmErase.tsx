// Nothing is erased without this question; the harmless answer comes first and has the focus.

import { Button } from "../../design/Button";
import { Dialog } from "../../design/Dialog";
import { messages } from "../../messages";

interface ConfirmEraseProps {
  title: string;
  text: string;
  /** What the harmless button says; "Cancel" where it is not given. */
  leave?: string;
  onErase: () => void;
  onClose: () => void;
}

export function ConfirmErase({ title, text, leave, onErase, onClose }: ConfirmEraseProps) {
  const say = messages.value.history;
  return (
    <Dialog
      title={title}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>
            {leave ?? say.cancel}
          </Button>
          <Button kind="danger" icon="bin" onClick={onErase}>
            {say.erase}
          </Button>
        </>
      }
    >
      <p>{text}</p>
    </Dialog>
  );
}
