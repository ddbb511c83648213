import { expect, test, vi } from "vitest";
import { Desk, type DeskParts, type Outcome } from "../../../src/edge/read/desk";
import type { ReadOptions } from "../../../src/reader/contract";
import { madeOpened } from "./made";

const file = (name: string) => new File([name], name);
const reading = { kind: "reading", decision: "routine" } as Outcome;
const retake = { kind: "retake", quality: ["dark"], width: 9, height: 9 } as Outcome;
const age = { name: "age", kind: "number" as const, categories: [], unit: "years", missing: 0 };

function madeDesk(parts: Partial<DeskParts> = {}) {
  return new Desk({
    ready: Promise.resolve(madeOpened()),
    read: () => Promise.resolve(reading),
    finish: () => Promise.resolve({ kept: null, notKept: null }),
    failed: () => {},
    ...parts,
  });
}

const stages = (desk: Desk) => desk.photographs.value.map((one) => one.stage);
const settled = (desk: Desk) => vi.waitFor(() => expect(desk.busy.value).toBe(false));

test("photographs are read one after the other, in their order", async () => {
  const order: string[] = [];
  let open = 0;
  const read = vi.fn(async (one: Blob) => {
    expect(++open).toBe(1);
    await Promise.resolve();
    order.push(await one.text());
    open -= 1;
    return reading;
  });
  const desk = madeDesk({ read });
  desk.add([file("a"), file("b")]);
  desk.add([file("c")]);
  await settled(desk);
  expect(order).toEqual(["a", "b", "c"]);
  expect(stages(desk)).toEqual(["done", "done", "done"]);
});

test("a photograph waits until the reader is open", async () => {
  let open: (opened: ReturnType<typeof madeOpened>) => void = () => {};
  const read = vi.fn(() => Promise.resolve(reading));
  const desk = madeDesk({ read, ready: new Promise((resolve) => (open = resolve)) });
  desk.add([file("a")]);
  expect(stages(desk)).toEqual(["waiting"]);
  expect(read).not.toHaveBeenCalled();
  open(madeOpened());
  await settled(desk);
  expect(stages(desk)).toEqual(["done"]);
});

test("a bundle that takes metadata asks for it first, once for as many as one likes", async () => {
  const read = vi.fn((_: Blob, _options: ReadOptions) => Promise.resolve(reading));
  const desk = madeDesk({ read, ready: Promise.resolve(madeOpened({ metadata: [age] })) });
  const ids = desk.add([file("a"), file("b")]);
  await vi.waitFor(() => expect(stages(desk)).toEqual(["asks", "asks"]));
  desk.tell(ids, { age: 63 });
  await settled(desk);
  expect(read.mock.calls.map(([, options]) => options.metadata)).toEqual([{ age: 63 }, { age: 63 }]);
  desk.ask(ids[0] ?? 0);
  expect(stages(desk)).toEqual(["asks", "done"]);
});

test("advice to take it again can be overruled", async () => {
  const read = vi.fn((_: Blob, { anyway }: { anyway?: boolean }) =>
    Promise.resolve(anyway ? reading : retake),
  );
  const desk = madeDesk({ read });
  const [id = 0] = desk.add([file("a")]);
  await settled(desk);
  expect(desk.find(id)?.outcome?.kind).toBe("retake");
  desk.readAnyway(id);
  await settled(desk);
  expect(desk.find(id)?.outcome?.kind).toBe("reading");
});

test("one that the reader cannot take does not keep the next from being read", async () => {
  const failed = vi.fn();
  const read = (one: Blob) =>
    one.size === 1 ? Promise.reject(new RangeError("memory")) : Promise.resolve(reading);
  const desk = madeDesk({ read, failed });
  desk.add([file("a"), file("bb")]);
  await settled(desk);
  expect(stages(desk)).toEqual(["failed", "done"]);
  expect(failed).toHaveBeenCalledOnce();
});

test("a reading is shown though it cannot be kept", async () => {
  const desk = madeDesk({ finish: () => Promise.reject(new Error("no storage")) });
  const [id = 0] = desk.add([file("a")]);
  await vi.waitFor(() => expect(desk.find(id)?.notKept).toBe("unavailable"));
  expect(desk.find(id)?.outcome).toEqual(reading);
});

test("a photograph that was removed while it was read does not come back", async () => {
  let end: (outcome: Outcome) => void = () => {};
  const desk = madeDesk({ read: () => new Promise((resolve) => (end = resolve)) });
  const [id = 0] = desk.add([file("a")]);
  await vi.waitFor(() => expect(stages(desk)).toEqual(["reading"]));
  desk.remove(id);
  end(reading);
  await settled(desk);
  expect(desk.photographs.value).toEqual([]);
});
