// A file from the page into the person's downloads.

import { stem } from "./json";

export function save(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // The browser reads it after the click has returned.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** "IMG_1 reading 2026-11-21.pdf" of the photograph IMG_1.jpg. */
export function fileName(photograph: string, readAt: string, word: string, ending: "json" | "pdf"): string {
  const name = stem(photograph).replace(/[\\/:*?"<>|\u0000-\u001f]/g, "-").trim();
  return `${name || "photograph"} ${word} ${readAt.slice(0, 10)}.${ending}`;
}
