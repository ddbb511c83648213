// The photographs of this visit, read one after the other in the order in which they came.

import { computed, signal } from "@preact/signals";
import type {
  Metadata,
  Opened,
  ReaderApi,
  Reading,
  ReadOptions,
  Rejected,
  Retake,
} from "../../reader/contract";
import type { KeptReading, NotKept } from "../history/store";

export type Outcome = Reading | Retake | Rejected;

export type Stage =
  | "waiting"
  | "asks" // the bundle wants to know of the person
  | "reading"
  | "done"
  | "failed"; // the reader itself failed

export interface Photograph {
  id: number;
  file: File;
  stage: Stage;
  metadata: Metadata;
  /** Read though it should be taken again. */
  anyway: boolean;
  /** Whether metadata was asked for. */
  told: boolean;
  outcome: Outcome | null;
  /** For exports and the history; null until it is there. */
  kept: KeptReading | null;
  notKept: NotKept | null;
}

type Finished = Pick<Photograph, "kept" | "notKept">;

export interface DeskParts {
  read: (file: Blob, options: ReadOptions) => ReturnType<ReaderApi["read"]>;
  /** Resolves when the reader is open. */
  ready: Promise<Pick<Opened, "manifest">>;
  /** Called with each reading: keeps it, if it is to be kept. */
  finish: (photograph: Photograph, reading: Reading) => Promise<Finished>;
  /** Called when the reader throws. */
  failed: (thrown: unknown) => void;
}

export class Desk {
  readonly photographs = signal<readonly Photograph[]>([]);
  readonly busy = computed(() =>
    this.photographs.value.some((one) => one.stage === "reading" || one.stage === "waiting"),
  );
  private next = 1;
  private working = false;

  constructor(private readonly parts: DeskParts) {}

  /** Put photographs on the desk; returns their ids. */
  add(files: readonly File[]): number[] {
    const added = files.map((file): Photograph => ({
      id: this.next++,
      file,
      stage: "waiting",
      metadata: {},
      anyway: false,
      told: false,
      outcome: null,
      kept: null,
      notKept: null,
    }));
    this.photographs.value = [...this.photographs.value, ...added];
    void this.work();
    return added.map((one) => one.id);
  }

  find(id: number): Photograph | null {
    return this.photographs.value.find((one) => one.id === id) ?? null;
  }

  /** What is known of the person; reads these photographs with it. */
  tell(ids: readonly number[], metadata: Metadata): void {
    for (const id of ids) this.change(id, { metadata, told: true, stage: "waiting", outcome: null });
    void this.work();
  }

  /** Ask again what is known of the person. */
  ask(id: number): void {
    this.change(id, { told: false, stage: "asks" });
  }

  /** Read a photograph that should rather be taken again. */
  readAnyway(id: number): void {
    this.change(id, { anyway: true, stage: "waiting", outcome: null });
    void this.work();
  }

  remove(id: number): void {
    this.photographs.value = this.photographs.value.filter((one) => one.id !== id);
  }

  clear(): void {
    this.photographs.value = [];
  }

  private change(id: number, part: Partial<Photograph>): void {
    this.photographs.value = this.photographs.value.map((one) => (one.id === id ? { ...one, ...part } : one));
  }

  private async work(): Promise<void> {
    if (this.working) return;
    this.working = true;
    try {
      const { manifest } = await this.parts.ready;
      for (let one = this.waiting(); one; one = this.waiting()) {
        if (manifest.metadata.length > 0 && !one.told) this.change(one.id, { stage: "asks" });
        else await this.readOne(one);
      }
    } catch {
      // The reader did not open: the page shows why.
    } finally {
      this.working = false;
    }
  }

  private waiting(): Photograph | undefined {
    return this.photographs.value.find((one) => one.stage === "waiting");
  }

  private async readOne(one: Photograph): Promise<void> {
    this.change(one.id, { stage: "reading" });
    try {
      const outcome = await this.parts.read(one.file, { metadata: one.metadata, anyway: one.anyway });
      this.change(one.id, { stage: "done", outcome, kept: null, notKept: null });
      // Keeping is slower than reading, and the answer does not wait for it.
      if (outcome.kind === "reading") {
        void this.parts.finish(one, outcome).then(
          (finished) => this.change(one.id, finished),
          () => this.change(one.id, { notKept: "unavailable" }),
        );
      }
    } catch (thrown) {
      this.change(one.id, { stage: "failed" });
      this.parts.failed(thrown);
    }
  }
}
