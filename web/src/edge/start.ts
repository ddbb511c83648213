// Open the reader and check it, and keep state.ts told.

import type { ReaderClient } from "../reader/client";
import type { Opened, OpenOptions, ReaderProblem } from "../reader/contract";
import { opened, problem, selfTest } from "./state";

/** Whatever was thrown, as a problem that the page can show. */
export function asProblem(thrown: unknown): ReaderProblem {
  if (typeof thrown === "object" && thrown !== null && "problem" in thrown) return thrown as ReaderProblem;
  return { problem: "no-runtime", where: "", detail: thrown instanceof Error ? thrown.message : String(thrown) };
}

/** Open the reader, then let it prove itself; a page whose reader reads otherwise refuses. */
export function start(reader: ReaderClient, options: OpenOptions): Promise<Opened> {
  const opening = reader.open(options);
  opening
    .then((result) => {
      opened.value = result;
      return runSelfTest(reader);
    })
    .catch((thrown: unknown) => {
      problem.value = asProblem(thrown);
    });
  return opening;
}

/** Run the self-test; also asked for by hand. */
export async function runSelfTest(reader: ReaderClient): Promise<void> {
  selfTest.value = "running";
  const result = await reader.selfTest();
  selfTest.value = result;
  if (!result.passed) problem.value = { problem: "self-test", where: result.failure, detail: "" };
}
