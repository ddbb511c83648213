// Readings in the order of the screen: by day, the newest first.

import { locale } from "../../messages/numbers";
import type { KeptReading } from "./kept";

export interface Day {
  /** "2026-11-21", where the person is. */
  day: string;
  kept: KeptReading[];
}

/** Group readings, newest first, by the day on which they were read, in the time zone of the device. */
export function byDay(kept: readonly KeptReading[]): Day[] {
  const days: Day[] = [];
  for (const one of kept) {
    const day = dayOf(new Date(one.readAt));
    const last = days.at(-1);
    if (last?.day === day) last.kept.push(one);
    else days.push({ day, kept: [one] });
  }
  return days;
}

/** "Today" and "yesterday" in the language's own words, else the date. */
export function dayName(day: string, now: Date = new Date()): string {
  const date = new Date(`${day}T12:00:00`);
  const ago = Math.round((new Date(`${dayOf(now)}T12:00:00`).getTime() - date.getTime()) / 86_400_000);
  if (ago === 0 || ago === 1) {
    const words = new Intl.RelativeTimeFormat(locale(), { numeric: "auto" }).format(-ago, "day");
    return words.charAt(0).toLocaleUpperCase(locale()) + words.slice(1);
  }
  return date.toLocaleDateString(locale(), { weekday: "long", day: "numeric", month: "long", year: "numeric" });
}

export function timeOf(readAt: string): string {
  return new Date(readAt).toLocaleTimeString(locale(), { hour: "2-digit", minute: "2-digit" });
}

export function dateAndTime(readAt: string): string {
  return new Date(readAt).toLocaleString(locale(), { dateStyle: "long", timeStyle: "short" });
}

function dayOf(date: Date): string {
  const two = (part: number) => String(part).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
