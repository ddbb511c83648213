// What `overread edge` tells the service worker in its first line: the files of its version.

import { siteDigest } from "../reader/files";
import type { SiteFile } from "../reader/site";
import { KeepError } from "./keepError";

export const SITE_NAME = "site.json";

export interface Told {
  /** SHA-256 over "path sha256\n" of all files. */
  digest: string;
  /** SHA-256 of site.json: names the version, as two sites of the same files may say different things. */
  site: string;
  files: SiteFile[];
}

/** All that belongs to the version, site.json too. Throws where the list does not fit its own digest. */
export async function listOf(told: Told): Promise<SiteFile[]> {
  if ((await siteDigest(told.files)) !== told.digest) {
    throw new KeepError("changed-file", "sw.js", "the list of files does not fit its digest");
  }
  return [...told.files, { path: SITE_NAME, sha256: told.site, bytes: 0, precache: true }];
}
