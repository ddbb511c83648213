// How the reader says that it cannot go on: plain objects, as errors lose their class between threads.

import type { Problem, ReaderProblem } from "./contract";

export function problem(problem: Problem, where: string, detail: string): ReaderProblem {
  return { problem, where, detail };
}

export function isProblem(thrown: unknown): thrown is ReaderProblem {
  return typeof thrown === "object" && thrown !== null && "problem" in thrown && "where" in thrown;
}

/** A thrown thing in words. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
