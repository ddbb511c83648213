/// <reference lib="webworker" />
// The service worker. `overread edge` writes one line before this script, `self.OVERREAD_SITE = {…}` (site.ts):
// other bytes in it are what tells a browser that there is a new version.
import type { Site } from "../reader/site";

declare const self: ServiceWorkerGlobalScope & { OVERREAD_SITE: Pick<Site, "digest" | "files"> };

self.addEventListener("install", () => {});
