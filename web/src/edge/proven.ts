// Whether this very version of the site has passed its self-test in this very browser: then a photograph that
// waits is read before the test is run again.

import type { SelfTest } from "../reader/contract";
import type { Site } from "../reader/site";
import { siteKey } from "./settings/siteKey";

const KEY = "proven";

function proof(site: Pick<Site, "digest">): string {
  return `${site.digest} ${navigator.userAgent}`;
}

export function provenBefore(site: Pick<Site, "digest">): boolean {
  try {
    return localStorage.getItem(siteKey(KEY)) === proof(site);
  } catch {
    return false;
  }
}

export function rememberProof(site: Pick<Site, "digest">, { passed }: Pick<SelfTest, "passed">): void {
  try {
    if (passed) localStorage.setItem(siteKey(KEY), proof(site));
    else localStorage.removeItem(siteKey(KEY));
  } catch {
    // No storage: it is tested first each time.
  }
}
