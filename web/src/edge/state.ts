// What the page knows of its reader.

import { signal } from "@preact/signals";
import type { Opened, ReaderProblem, SelfTest } from "../reader/contract";

/** Null until the reader is open. */
export const opened = signal<Opened | null>(null);

/** Null before it has begun. */
export const selfTest = signal<SelfTest | "running" | null>(null);

/** Not null: the page refuses to read, and says why. */
export const problem = signal<ReaderProblem | null>(null);
