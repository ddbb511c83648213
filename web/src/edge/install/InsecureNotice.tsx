import { Notice } from "../../design/Notice";
import { messages } from "../../messages";

/** Over http from another machine no browser keeps a page: say so before somebody relies on it. */
export function InsecureNotice() {
  if (isSecureContext) return null;
  return <Notice tone="attention">{messages.value.install.insecure}</Notice>;
}
