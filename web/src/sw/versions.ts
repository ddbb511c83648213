// The versions that lie on this device, and the one that the person accepted, which is answered.

export class Versions {
  /** `prefix`: names are the whole origin's, and other sites may lie in other folders of it. */
  constructor(
    private readonly storage: CacheStorage,
    private readonly prefix: string,
    root: URL,
  ) {
    this.note = new URL("?accepted", root).href;
  }

  private readonly note: string;

  open(version: string): Promise<Cache> {
    return this.storage.open(this.nameOf(version));
  }

  /** Whether anything of it lies here. */
  has(version: string): Promise<boolean> {
    return this.storage.has(this.nameOf(version));
  }

  match(version: string, url: string): Promise<Response | undefined> {
    return this.storage.match(url, { cacheName: this.nameOf(version) });
  }

  async all(): Promise<string[]> {
    const start = this.nameOf("");
    const names = (await this.storage.keys()).filter((name) => name.startsWith(start));
    return names.map((name) => name.slice(start.length));
  }

  /** The version to answer with; null where there is none, or where the browser has thrown it away. */
  async accepted(): Promise<string | null> {
    const version = await (await this.storage.match(this.note, { cacheName: this.notes }))?.text();
    return version !== undefined && (await this.has(version)) ? version : null;
  }

  async accept(version: string): Promise<void> {
    await (await this.storage.open(this.notes)).put(this.note, new Response(version));
  }

  /** Delete all versions but these. */
  async keepOnly(versions: readonly string[]): Promise<void> {
    const gone = (await this.all()).filter((version) => !versions.includes(version));
    await Promise.all(gone.map((version) => this.storage.delete(this.nameOf(version))));
  }

  private nameOf(version: string): string {
    return `${this.prefix} version ${version}`;
  }

  private get notes(): string {
    return `${this.prefix} accepted`;
  }
}
