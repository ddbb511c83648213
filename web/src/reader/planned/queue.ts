// Which thread does which part of a program: whoever comes first takes the next one. A thread that comes late, or
// not at all, keeps nobody waiting; one that stops in the middle of a part does.

/** Of the words that threads share: how many parts were taken, how many are done, how often the work was begun. */
const TAKEN = 0;
const DONE = 1;
const BEGUN = 2;
/** Looks before a thread sleeps: waking it takes longer than most parts. */
const LOOKS = 10_000;

/** A part was taken and is not done: the thread that has it does not run any more. */
export class Lost extends Error {}

export class Queue {
  private readonly ends: Set<number>;
  private seen = 0;

  /**
   * @param words of a shared memory, 0 at first
   * @param after of each part: how many parts must be done before it
   * @param patience milliseconds in which some part is done
   */
  constructor(
    private readonly words: Int32Array,
    private readonly after: number[],
    private readonly patience = Infinity,
  ) {
    this.ends = new Set([...after, after.length]);
  }

  /** Let all take parts, from the first on. */
  begin(): void {
    Atomics.store(this.words, DONE, 0);
    Atomics.store(this.words, TAKEN, 0);
    Atomics.add(this.words, BEGUN, 1);
    Atomics.notify(this.words, BEGUN);
  }

  /** Sleep, however long, until the next `begin`. */
  begun(): void {
    while (Atomics.load(this.words, BEGUN) === this.seen) Atomics.wait(this.words, BEGUN, this.seen);
    this.seen = Atomics.load(this.words, BEGUN);
  }

  /** Do parts until none is left. Throws Lost. */
  work(part: (index: number) => void): void {
    const { words, after } = this;
    for (;;) {
      const next = Atomics.load(words, TAKEN);
      const needed = after[next];
      if (needed === undefined) return;
      this.until(needed);
      if (Atomics.compareExchange(words, TAKEN, next, next + 1) !== next) continue;
      // A thread that stood still before it took the part may find itself in the next turn of the work.
      this.until(needed);
      part(next);
      if (this.ends.has(Atomics.add(words, DONE, 1) + 1)) Atomics.notify(words, DONE);
    }
  }

  /** Wait until every part is done. Throws Lost. */
  finish(): void {
    this.until(this.after.length);
  }

  private until(needed: number): void {
    const { words } = this;
    for (let look = 0; look < LOOKS; look++) if (Atomics.load(words, DONE) >= needed) return;
    for (let done = Atomics.load(words, DONE); done < needed; done = Atomics.load(words, DONE)) {
      if (Atomics.wait(words, DONE, done, this.patience) === "timed-out") throw new Lost("a thread is lost");
    }
  }
}
