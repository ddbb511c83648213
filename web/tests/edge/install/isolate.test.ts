import { signal } from "@preact/signals";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

const kept = vi.hoisted(() => ({ answer: Promise.resolve(true) }));
vi.mock("../../../src/edge/install/offline", () => ({
  keepOffline: () => kept.answer,
  offline: signal({ kind: "unknown" }),
}));

const reload = vi.fn();
const session = new Map<string, string>();

beforeEach(() => {
  vi.resetModules();
  vi.useFakeTimers();
  reload.mockClear();
  session.clear();
  kept.answer = Promise.resolve(true);
  vi.stubGlobal("crossOriginIsolated", false);
  vi.stubGlobal("isSecureContext", true);
  vi.stubGlobal("navigator", { serviceWorker: {} });
  vi.stubGlobal("location", { href: "https://clinic.test/skin/", reload });
  vi.stubGlobal("sessionStorage", {
    getItem: (key: string) => session.get(key) ?? null,
    setItem: (key: string, value: string) => session.set(key, value),
    removeItem: (key: string) => session.delete(key),
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** True where it returned; false where the page waits to be loaded again. */
async function prepared(): Promise<boolean> {
  const { prepare } = await import("../../../src/edge/install/isolate");
  let returned = false;
  void prepare().then(() => (returned = true));
  await vi.advanceTimersByTimeAsync(60_000);
  return returned;
}

it("loads the page again once, and not a second time where that did not help", async () => {
  expect(await prepared()).toBe(false);
  expect(await prepared()).toBe(true);
  expect(reload).toHaveBeenCalledTimes(1);
});

it("may do so again in a later visit, once it has helped", async () => {
  await prepared();
  vi.stubGlobal("crossOriginIsolated", true);
  expect(await prepared()).toBe(true);
  vi.stubGlobal("crossOriginIsolated", false);
  await prepared();
  expect(reload).toHaveBeenCalledTimes(2);
});

it("does not wait for ever for a host that sends nothing more", async () => {
  kept.answer = new Promise(() => {});
  expect(await prepared()).toBe(true);
  expect(reload).not.toHaveBeenCalled();
});

it("never takes a chosen photograph away", async () => {
  const { neverReloadWhile } = await import("../../../src/edge/install/isolate");
  neverReloadWhile(() => true);
  expect(await prepared()).toBe(true);
  expect(reload).not.toHaveBeenCalled();
});

it.each([
  ["nothing could be kept", () => (kept.answer = Promise.resolve(false))],
  ["the page came over http", () => vi.stubGlobal("isSecureContext", false)],
  ["the browser has no service workers", () => vi.stubGlobal("navigator", {})],
  [
    "the session has no memory",
    () =>
      vi.stubGlobal("sessionStorage", {
        getItem: () => {
          throw new DOMException("", "SecurityError");
        },
      }),
  ],
])("goes on where %s", async (_, arrange) => {
  arrange();
  expect(await prepared()).toBe(true);
  expect(reload).not.toHaveBeenCalled();
});
