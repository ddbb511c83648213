// The desk of this page: its reader, its history, its problems.

import type { ReaderClient } from "../../reader/client";
import type { Opened } from "../../reader/contract";
import { keptOf } from "../history/kept";
import { keep } from "../history/store";
import { settings } from "../settings/settings";
import { isProblem } from "../start";
import { opened as now, problem, selfTest } from "../state";
import { Desk } from "./desk";

export function deskOf(reader: ReaderClient, opening: Promise<Opened>): Desk {
  return new Desk({
    ready: opening,
    read: (file, options) => reader.read(file, options),
    finish: async ({ file, metadata }, reading) => {
      const tested = selfTest.value === "running" ? null : selfTest.value;
      const opened = now.value ?? (await opening);
      const kept = await keptOf({
        photograph: file,
        name: file.name,
        metadata,
        reading,
        opened,
        selfTest: tested,
      });
      return { kept, notKept: settings.value.keepHistory ? await keep(kept) : null };
    },
    failed: (thrown) => {
      if (isProblem(thrown)) problem.value = thrown;
    },
  });
}
