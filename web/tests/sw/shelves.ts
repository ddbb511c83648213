// Caches in memory, and a host that counts what it is asked for.

export class MemoryCache {
  readonly kept = new Map<string, Response>();

  match(url: RequestInfo | URL): Promise<Response | undefined> {
    return Promise.resolve(this.kept.get(addressOf(url))?.clone());
  }

  put(url: RequestInfo | URL, response: Response): Promise<void> {
    this.kept.set(addressOf(url), response);
    return Promise.resolve();
  }
}

export class MemoryStorage {
  readonly caches = new Map<string, MemoryCache>();

  open(name: string): Promise<MemoryCache> {
    const cache = this.caches.get(name) ?? new MemoryCache();
    this.caches.set(name, cache);
    return Promise.resolve(cache);
  }

  has(name: string): Promise<boolean> {
    return Promise.resolve(this.caches.has(name));
  }

  keys(): Promise<string[]> {
    return Promise.resolve([...this.caches.keys()]);
  }

  delete(name: string): Promise<boolean> {
    return Promise.resolve(this.caches.delete(name));
  }

  match(url: RequestInfo | URL, options?: MultiCacheQueryOptions): Promise<Response | undefined> {
    return this.caches.get(options?.cacheName ?? "")?.match(url) ?? Promise.resolve(undefined);
  }
}

/** Stands for the browser's own, of which the service worker uses no more than is here. */
export function asCacheStorage(storage: MemoryStorage): CacheStorage {
  return storage as unknown as CacheStorage;
}

export interface Host {
  fetch: typeof fetch;
  /** "how address" of every request. */
  asked: string[];
}

/** A host with these files; null: it does not answer. `damaged`: what a browser's HTTP cache would give. */
export function host(files: Record<string, string> | null, damaged: Record<string, string> = {}): Host {
  const asked: string[] = [];
  const answer = (what: RequestInfo | URL, how?: RequestInit) => {
    const url = addressOf(what);
    asked.push(`${how?.cache ?? "default"} ${url}`);
    if (files === null) return Promise.reject(new TypeError("Failed to fetch"));
    const text = (how?.cache === "reload" ? undefined : damaged[url]) ?? files[url];
    return Promise.resolve(text === undefined ? new Response("", { status: 404 }) : new Response(text));
  };
  return { fetch: answer, asked };
}

function addressOf(what: RequestInfo | URL): string {
  return what instanceof Request ? what.url : String(what);
}
