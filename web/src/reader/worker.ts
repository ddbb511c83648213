// The reader's Web Worker: everything that costs time happens here, so that the page never stands still.

import * as Comlink from "comlink";
import { Reader } from "./reader";

Comlink.expose(new Reader());
