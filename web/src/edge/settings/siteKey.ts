// A host may serve several sites from several folders: what one keeps must not be seen in another.

export function siteKey(what: string, address: string = globalThis.location?.href ?? "http://localhost/"): string {
  return `overread ${new URL(".", address).pathname} ${what}`;
}
