// The site's files: fetched once, and used only if their SHA-256 is the one that the site was made of.

import { problem, reasonOf } from "./problem";
import { sha256 } from "./sha256";
import type { Site, SiteFile } from "./site";

export type Bytes = Uint8Array<ArrayBuffer>;

/** SHA-256 over "path sha256" lines, sorted by path as Python sorts text: the site's version. */
export function siteDigest(files: readonly Pick<SiteFile, "path" | "sha256">[]): Promise<string> {
  const sorted = [...files].sort((a, b) => byCodePoint(a.path, b.path));
  return sha256(new TextEncoder().encode(sorted.map((one) => `${one.path} ${one.sha256}\n`).join("")));
}

/** site.json's content, if it agrees with itself. Throws ReaderProblem. */
export async function parseSite(bytes: Bytes): Promise<Site> {
  const site = parseJson<Site>(bytes, "site.json");
  if (site.schema_version !== 1 || !Array.isArray(site.files)) {
    throw problem("changed-file", "site.json", "it is not one that this page understands; write the site anew");
  }
  if ((await siteDigest(site.files)) !== site.digest) {
    throw problem("changed-file", "site.json", "its list of files is not the one that was written");
  }
  return site;
}

export function parseJson<T>(bytes: Bytes, where: string): T {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as T;
  } catch (thrown) {
    throw problem("changed-file", where, `it is no JSON (${reasonOf(thrown)})`);
  }
}

/** Gives the content of files below the site's folder. Throws ReaderProblem "missing-file". */
export class SiteFiles {
  constructor(private readonly root: URL) {}

  async fetch(path: string): Promise<Bytes> {
    // Once more: a service worker that is just taking over may break a request off.
    const response = await this.ask(path).catch(() => this.ask(path));
    if (!response.ok) throw problem("missing-file", path, `the host answered ${response.status}`);
    try {
      return new Uint8Array(await response.arrayBuffer());
    } catch (thrown) {
      throw problem("missing-file", path, reasonOf(thrown));
    }
  }

  /** The same, if the site was made of it. */
  checked(site: Site, path: string): Promise<Bytes> {
    return checked(site, path, this.fetch(path));
  }

  /** Path below the site's folder of a file that the build put somewhere. */
  pathOf(url: string): string {
    return decodeURIComponent(new URL(url, this.root).pathname.slice(this.root.pathname.length));
  }

  private async ask(path: string): Promise<Response> {
    try {
      return await fetch(new URL(path, this.root));
    } catch (thrown) {
      throw problem("missing-file", path, reasonOf(thrown));
    }
  }
}

/** The bytes, if the site was made of them. Throws ReaderProblem "changed-file". */
export async function checked(site: Site, path: string, content: Bytes | Promise<Bytes>): Promise<Bytes> {
  const bytes = await content;
  const said = site.files.find((one) => one.path === path);
  if (!said) throw problem("changed-file", path, "the site does not list this file");
  if (said.bytes !== bytes.length || (await sha256(bytes)) !== said.sha256) {
    throw problem("changed-file", path, "its content is not the one that the site was made of");
  }
  return bytes;
}

function byCodePoint(a: string, b: string): number {
  const [x, y] = [new TextEncoder().encode(a), new TextEncoder().encode(b)];
  for (let at = 0; at < Math.min(x.length, y.length); at++) if (x[at] !== y[at]) return x[at]! - y[at]!;
  return x.length - y.length;
}
