// What the reader is for and not for, what is known of it, and whether it reads correctly here.

import { messages } from "../../messages";

export function AboutScreen() {
  return <h1>{messages.value.about.title}</h1>;
}
