// What is asked for → what is answered: the site's own files, kept ones first, and nothing else, ever.

import type { SiteFile } from "../reader/site";
import { isolated } from "./headers";
import { KeepError } from "./keepError";
import { keepOne, urlOf, type Sources } from "./keep";
import type { Versions } from "./versions";

export interface Answering {
  sources: Sources;
  versions: Pick<Versions, "accepted" | "all" | "match" | "open">;
  /** This worker's version, and its files. */
  version: string;
  files: ReadonlyMap<string, SiteFile>;
}

const GET_ONLY = 405;
const NOT_OURS = 404;
const NOT_THERE = 503;

/** The file that an address means, below the site's folder; null where it lies elsewhere. */
export function pathOf(address: string, root: URL): string | null {
  const url = new URL(address);
  if (url.origin !== root.origin || !url.pathname.startsWith(root.pathname)) return null;
  try {
    return decodeURIComponent(url.pathname.slice(root.pathname.length)) || "index.html";
  } catch {
    return null;
  }
}

export async function answer(request: Request, answering: Answering): Promise<Response> {
  const { sources, versions, version, files } = answering;
  const path = pathOf(request.url, sources.root);
  if (path === null) return Response.error();
  if (request.method !== "GET") return new Response(null, { status: GET_ONLY });
  const signedIn = await signIn(request, sources);
  if (signedIn) return signedIn;
  const accepted = await versions.accepted();
  const kept = await keptOf(path, accepted, versions, sources.root);
  if (kept) return kept;
  if (accepted === null) return fromHost(request, sources);
  const file = accepted === version ? files.get(path) : undefined;
  if (!file) return new Response(null, { status: NOT_OURS });
  try {
    return await keepOne(file, await versions.open(version), sources);
  } catch (error) {
    if (!(error instanceof KeepError)) throw error;
    return new Response(null, { status: NOT_THERE });
  }
}

/** A page of an older version still open may ask for one more of its scripts; their names never recur. */
async function keptOf(
  path: string,
  accepted: string | null,
  versions: Answering["versions"],
  root: URL,
): Promise<Response | undefined> {
  const url = urlOf(path, root);
  const first = accepted === null ? undefined : await versions.match(accepted, url);
  if (first || !path.startsWith("assets/")) return first;
  for (const older of await versions.all()) {
    const found = await versions.match(older, url);
    if (found) return found;
  }
  return undefined;
}

/** An address with a token must reach the host, which answers with a cookie and the address without it. */
async function signIn(request: Request, { fetch }: Sources): Promise<Response | null> {
  if (request.mode !== "navigate" || !new URL(request.url).searchParams.has("token")) return null;
  try {
    const response = await fetch(request);
    return response.type === "opaqueredirect" ? response : null;
  } catch {
    return null;
  }
}

/** Nothing is kept (the browser has made room): as without a service worker. */
async function fromHost(request: Request, { fetch }: Sources): Promise<Response> {
  try {
    return isolated(await fetch(request));
  } catch {
    return Response.error();
  }
}
