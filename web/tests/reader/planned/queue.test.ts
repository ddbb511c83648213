import { expect, test, vi } from "vitest";
import { Lost, Queue } from "../../../src/reader/planned/queue";

const TAKEN = 0;
const DONE = 1;

const AFTER = [0, 0, 2, 2, 4];
const SOON = 5; // milliseconds

function started(after = AFTER) {
  const words = new Int32Array(new SharedArrayBuffer(64));
  const queue = new Queue(words, after, SOON);
  queue.begin();
  return { words, queue };
}

test("one thread does every part in order, each time anew", () => {
  const { queue } = started();
  for (let turn = 0; turn < 2; turn++) {
    const parts: number[] = [];
    queue.work((part) => parts.push(part));
    queue.finish();
    expect(parts).toEqual([0, 1, 2, 3, 4]);
    queue.begin();
  }
});

test("two threads do every part once, and none before those that it waits for", () => {
  const { words, queue } = started();
  const other = new Queue(words, AFTER, SOON);
  const parts: string[] = [];
  queue.work((part) => {
    parts.push(`one ${part}`);
    // While one is at part 2, the other does what is open; part 4 is not, and the other gives up.
    if (part === 2) expect(() => other.work((also) => parts.push(`other ${also}`))).toThrow(Lost);
  });
  expect(parts).toEqual(["one 0", "one 1", "one 2", "other 3", "one 4"]);
  expect(words[DONE]).toBe(AFTER.length);
});

test("a thread that comes late finds nothing to do", () => {
  const { words, queue } = started();
  queue.work(() => undefined);
  new Queue(words, AFTER, SOON).work(() => expect.unreachable());
});

test("a thread that stood still since the turn before waits for what this turn has not done", () => {
  const { words, queue } = started();
  Atomics.store(words, TAKEN, 2);
  Atomics.store(words, DONE, 2);
  const { compareExchange } = Atomics;
  vi.spyOn(Atomics, "compareExchange").mockImplementationOnce((...taking: unknown[]) => {
    // Meanwhile the others ended the turn, and are at the same part of the next.
    Atomics.store(words, DONE, 1);
    return Reflect.apply(compareExchange, Atomics, taking) as never;
  });
  expect(() => queue.work(() => expect.unreachable())).toThrow(Lost);
  vi.restoreAllMocks();
});

test("a part that was taken and is never done is missed", () => {
  const { words, queue } = started();
  Atomics.add(words, TAKEN, 1);
  const parts: number[] = [];
  expect(() => queue.work((part) => parts.push(part))).toThrow(Lost);
  expect(parts).toEqual([1]);
  const last = started([0, 0]);
  Atomics.add(last.words, TAKEN, 1);
  last.queue.work(() => undefined);
  expect(() => last.queue.finish()).toThrow(Lost);
});

test("whoever sleeps until work begins wakes for work that began before it fell asleep", () => {
  const { words } = started();
  new Queue(words, AFTER, SOON).begun();
});
