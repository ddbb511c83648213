import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import "./Dialog.css";

interface DialogProps {
  title: string;
  /** Buttons, the harmless one first. */
  actions: ComponentChildren;
  /** Called for Escape too. */
  onClose: () => void;
  children?: ComponentChildren;
}

/** A question that must be answered before going on. Shown as long as it is rendered. */
export function Dialog({ title, actions, onClose, children }: DialogProps) {
  const id = useId();
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      // close() does it itself only while the dialog is in the document.
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class="dialog"
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <h2 id={id}>{title}</h2>
      {children}
      <div class="actions">{actions}</div>
    </dialog>
  );
}
