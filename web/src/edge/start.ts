// Open the reader and check it, and keep state.ts told.

import type { ReaderClient } from "../reader/client";
import type { Opened, OpenOptions, ReaderProblem } from "../reader/contract";
import { keepOffline, prepare } from "./install";
import { provenBefore, rememberProof } from "./proven";
import { opened, problem, selfTest } from "./state";

export function isProblem(thrown: unknown): thrown is ReaderProblem {
  return typeof thrown === "object" && thrown !== null && "problem" in thrown;
}

/** Whatever was thrown, as a problem that the page can show. */
export function asProblem(thrown: unknown): ReaderProblem {
  if (isProblem(thrown)) return thrown;
  return {
    problem: "no-runtime",
    where: "",
    detail: thrown instanceof Error ? thrown.message : String(thrown),
  };
}

/** Open the reader, then let it prove itself; a page whose reader reads otherwise refuses. */
export function start(reader: ReaderClient, options: OpenOptions): Promise<Opened> {
  const opening = prepare().then(() => reader.open(options));
  opening.then(
    (result) => {
      opened.value = result;
      // The reader answers in the order of asking: a moment lets photographs that wait go first.
      if (provenBefore(result.site)) setTimeout(() => void runSelfTest(reader));
      else void runSelfTest(reader);
    },
    (thrown: unknown) => {
      problem.value = asProblem(thrown);
    },
  );
  void opening.then(keepOffline, keepOffline); // Not before: what is loaded by then need not travel again.
  return opening;
}

/** Run the self-test; also asked for by hand. */
export async function runSelfTest(reader: ReaderClient): Promise<void> {
  selfTest.value = "running";
  try {
    const result = await reader.selfTest();
    selfTest.value = result;
    if (opened.value) {
      rememberProof(opened.value.site, result);
      // What differs on the test pictures is replaced by what does not: say what reads from here on.
      if (result.runtime) opened.value = { ...opened.value, runtime: result.runtime };
    }
    if (!result.passed) problem.value = { problem: "self-test", where: result.failure, detail: "" };
  } catch (thrown) {
    selfTest.value = null;
    problem.value = asProblem(thrown);
  }
}
