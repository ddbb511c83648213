// Keep a version whole: every file fetched, checked against its SHA-256, and only then put away.

import { sha256 } from "../reader/sha256";
import type { SiteFile } from "../reader/site";
import { keptResponse } from "./headers";
import { KeepError } from "./keepError";

/** The part of a Cache that is used. */
export type Shelf = Pick<Cache, "match" | "put">;

export interface Sources {
  /** The site's folder. */
  root: URL;
  fetch: typeof fetch;
  /** Other versions' shelves: a file that did not change need not travel again. */
  older: readonly Pick<Cache, "match">[];
}

export interface Progress {
  bytes: number;
  of: number;
}

const AT_ONCE = 4;

/** Put on the shelf whatever is not there yet; a second call goes on where a broken one stopped. */
export async function keepAll(
  files: readonly SiteFile[],
  shelf: Shelf,
  sources: Sources,
  tell: (progress: Progress) => void = () => {},
): Promise<void> {
  const queue = files.filter((file) => file.precache).sort((a, b) => b.bytes - a.bytes);
  const progress = { bytes: 0, of: queue.reduce((sum, file) => sum + file.bytes, 0) };
  const failures: unknown[] = [];
  const work = async () => {
    for (let file = queue.shift(); file && failures.length === 0; file = queue.shift()) {
      if (!(await shelf.match(urlOf(file.path, sources.root)))) await keepOne(file, shelf, sources);
      progress.bytes += file.bytes;
      tell({ ...progress });
    }
  };
  // What is under way when one fails still arrives: the next try has less to fetch.
  const working = () => work().catch((error: unknown) => void failures.push(error));
  await Promise.all(Array.from({ length: AT_ONCE }, working));
  if (failures.length > 0) throw failures[0];
}

/** Keep one file, and answer with it. Throws KeepError. */
export async function keepOne(file: SiteFile, shelf: Shelf, sources: Sources): Promise<Response> {
  const url = urlOf(file.path, sources.root);
  const bytes = (await fromOlder(file, url, sources)) ?? (await fromHost(file, url, sources));
  const answer = keptResponse(file.path, bytes);
  try {
    await shelf.put(url, answer.clone());
  } catch (error) {
    throw new KeepError("no-space", file.path, String(error));
  }
  return answer;
}

/** Look at every byte that is kept, and fetch again what is not right. Throws KeepError where that fails. */
export async function mend(files: readonly SiteFile[], shelf: Shelf, sources: Sources): Promise<void> {
  for (const file of files) {
    const kept = await shelf.match(urlOf(file.path, sources.root));
    if (kept ? (await sha256(new Uint8Array(await kept.arrayBuffer()))) !== file.sha256 : file.precache) {
      await keepOne(file, shelf, sources);
    }
  }
}

export function urlOf(path: string, root: URL): string {
  return new URL(path.split("/").map(encodeURIComponent).join("/"), root).href;
}

async function fromOlder(file: SiteFile, url: string, sources: Sources): Promise<ArrayBuffer | null> {
  for (const shelf of sources.older) {
    const bytes = await (await shelf.match(url))?.arrayBuffer();
    if (bytes && (await sha256(new Uint8Array(bytes))) === file.sha256) return bytes;
  }
  return null;
}

async function fromHost(file: SiteFile, url: string, sources: Sources): Promise<ArrayBuffer> {
  // "reload": what the browser's own cache holds may be what is damaged.
  for (const cache of ["no-cache", "reload"] as const) {
    const bytes = await asked(file, url, { cache, credentials: "same-origin" }, sources.fetch);
    if ((await sha256(new Uint8Array(bytes))) === file.sha256) return bytes;
  }
  throw new KeepError("changed-file", file.path, "not the bytes that the site was made of");
}

async function asked(file: SiteFile, url: string, how: RequestInit, ask: typeof fetch): Promise<ArrayBuffer> {
  try {
    const response = await ask(url, how);
    if (response.ok) return await response.arrayBuffer();
    throw new KeepError("missing-file", file.path, `the host answered ${response.status}`);
  } catch (error) {
    if (error instanceof KeepError) throw error;
    throw new KeepError("missing-file", file.path, "the host did not answer");
  }
}
