// The readings of this device, in IndexedDB; nothing of it ever leaves the browser but by an export.

import { signal } from "@preact/signals";
import { openDB, type DBSchema, type IDBPDatabase } from "idb";
import { siteKey } from "../settings/siteKey";
import type { KeptReading } from "./kept";

export type { KeptReading } from "./kept";

/** Why a reading was not kept: no room left on the device, or the browser allows no storage here. */
export type NotKept = "full" | "unavailable";

interface Schema extends DBSchema {
  readings: { key: string; value: KeptReading; indexes: { readAt: string } };
}

/** Grows with every change of the history, here or in another tab. */
export const historyVersion = signal(0);

let database: Promise<IDBPDatabase<Schema>> | null = null;
let otherTabs: BroadcastChannel | null = null;

/** Keep one; null if it is kept. Does not throw: a reading is shown whether it can be kept or not. */
export async function keep(kept: KeptReading): Promise<NotKept | null> {
  try {
    await (await open()).put("readings", kept);
  } catch (error) {
    return isFull(error) ? "full" : "unavailable";
  }
  changed();
  return null;
}

/** All, the newest first. */
export async function list(): Promise<KeptReading[]> {
  return (await (await open()).getAllFromIndex("readings", "readAt")).reverse();
}

export async function remove(id: string): Promise<void> {
  await (await open()).delete("readings", id);
  changed();
}

/** Remove every reading. */
export async function erase(): Promise<void> {
  await (await open()).clear("readings");
  changed();
}

export function isFull(error: unknown): boolean {
  return error instanceof Error && error.name === "QuotaExceededError";
}

function open(): Promise<IDBPDatabase<Schema>> {
  database ??= openDB<Schema>(siteKey("history"), 1, {
    upgrade(created) {
      created.createObjectStore("readings", { keyPath: "id" }).createIndex("readAt", "readAt");
    },
    blocking: () => void close(),
    terminated: () => {
      database = null;
    },
  }).catch((error: unknown) => {
    database = null; // So that the next call tries again.
    throw error;
  });
  return database;
}

async function close(): Promise<void> {
  (await database)?.close();
  database = null;
}

/** Hear of other tabs' changes. Returns what ends it. */
export function followOtherTabs(): () => void {
  const channel = new BroadcastChannel(siteKey("history"));
  channel.onmessage = () => {
    historyVersion.value += 1;
  };
  otherTabs = channel;
  return () => {
    channel.close();
    otherTabs = null;
  };
}

function changed(): void {
  historyVersion.value += 1;
  otherTabs?.postMessage("changed");
}
