/// <reference lib="webworker" />
// The service worker. `overread edge` writes a line before this script, `self.OVERREAD_SITE = {…}` (told.ts);
// other bytes in it are what tells a browser that there is a new version.
import { siteKey } from "../edge/settings/siteKey";
import type { Site, SiteFile } from "../reader/site";
import { answer, type Answering } from "./answer";
import { keepAll, mend, urlOf, type Sources } from "./keep";
import { KeepError } from "./keepError";
import type { Failure, FromPage, Kept, Mended, ToPage, Version } from "./protocol";
import { listOf, SITE_NAME, type Told } from "./told";
import { Versions } from "./versions";

declare const self: ServiceWorkerGlobalScope & { OVERREAD_SITE: Told };

const told = self.OVERREAD_SITE;
const root = new URL("./", self.location.href);
const versions = new Versions(caches, siteKey("kept", root.href), root);
const sources: Sources = { root, fetch: (what, how) => fetch(what, how), older: [] };
const files = new Map<string, SiteFile>(told.files.map((file) => [file.path, file]));
files.set(SITE_NAME, { path: SITE_NAME, sha256: told.site, bytes: 0, precache: true });
const answering: Answering = { sources, versions, version: told.site, files };

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => event.respondWith(answer(event.request, answering)));
self.addEventListener("message", (event) => event.waitUntil(hear(event)));

async function install(): Promise<void> {
  try {
    const others = (await versions.all()).filter((version) => version !== told.site);
    const older = await Promise.all(others.map((version) => versions.open(version)));
    const shelf = await versions.open(told.site);
    await keepAll(await listOf(told), shelf, { ...sources, older }, ({ bytes, of }) => {
      void tell({ kind: "keeping", bytes, of });
    });
  } catch (error) {
    if (error instanceof KeepError) await tell({ kind: "not-kept", failure: failureOf(error) });
    throw error; // The browser keeps the worker that it has.
  }
  // The new worker may start at once: it answers with the old version's files until others are accepted.
  await self.skipWaiting();
}

async function activate(): Promise<void> {
  if ((await versions.accepted()) === null) await versions.accept(told.site);
  await tidy();
  // Not waited for: Firefox asks the page's workers first; one that waits for the script of a thread would
  // wait for ever, as nothing is answered before this ends.
  void self.clients.claim();
}

async function hear(event: ExtendableMessageEvent): Promise<void> {
  const asked = event.data as FromPage;
  const from = event.source instanceof WindowClient ? event.source.id : "";
  const reply = (what: Kept | Mended) => event.ports[0]?.postMessage(what);
  if (asked.kind === "check") {
    await tidy();
    reply(await kept());
  } else if (asked.kind === "mend") {
    reply(await mended());
  } else if (asked.kind === "use-now") {
    await versions.accept(told.site);
    void self.skipWaiting();
    await tell({ kind: "accepted", site: told.site }, from);
    reply(await kept());
  }
}

async function kept(): Promise<Kept> {
  const accepted = await versions.accepted();
  const using = accepted === null ? null : await described(accepted);
  const whole = accepted !== null && accepted !== told.site && (await missingOf(told.site)) === 0;
  const missing = await missingOf(accepted ?? told.site);
  return { using, ready: whole ? await described(told.site) : null, missing };
}

async function mended(): Promise<Mended> {
  try {
    const accepted = (await versions.accepted()) ?? told.site;
    const list = accepted === told.site ? await listOf(told) : ((await siteOf(accepted))?.files ?? []);
    await mend(list, await versions.open(accepted), sources);
    await versions.accept(accepted);
    return { failure: null };
  } catch (error) {
    if (!(error instanceof KeepError)) throw error;
    void self.registration.update().catch(() => {}); // The host may have a version that is whole.
    return { failure: failureOf(error) };
  }
}

async function missingOf(version: string): Promise<number> {
  const list = version === told.site ? [...files.values()] : ((await siteOf(version))?.files ?? []);
  const there = new Set((await (await versions.open(version)).keys()).map((request) => request.url));
  return list.filter((file) => file.precache && !there.has(urlOf(file.path, root))).length;
}

async function described(version: string): Promise<Version> {
  const site = await siteOf(version);
  return { site: version, bundle: site?.bundle ?? "", digest: site?.bundle_digest ?? "" };
}

async function siteOf(version: string): Promise<Site | null> {
  try {
    const response = await versions.match(version, urlOf(SITE_NAME, root));
    return response ? ((await response.json()) as Site) : null;
  } catch {
    return null; // Damaged on the device.
  }
}

/** Old versions go once no page of theirs can still be open. */
async function tidy(): Promise<void> {
  const accepted = await versions.accepted();
  if ((await pages()).length <= 1) await versions.keepOnly([told.site, accepted ?? told.site]);
}

/** Of this site alone: the origin may hold others. */
async function pages(): Promise<readonly Client[]> {
  const all = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  return all.filter((page) => page.url.startsWith(root.href));
}

async function tell(what: ToPage, except = ""): Promise<void> {
  for (const page of await pages()) if (page.id !== except) page.postMessage(what);
}

function failureOf({ problem, where }: KeepError): Failure {
  return { problem, where };
}
