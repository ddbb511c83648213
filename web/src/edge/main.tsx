import { render } from "preact";
import { App } from "./App";
import "../design/tokens.css";
import { startReader } from "../reader/client";

const reader = startReader();
// For checks from outside (`overread edge --check`): the reader that the page itself uses.
Object.assign(window, { overread: { reader } });
render(<App reader={reader} />, document.getElementById("app")!);
