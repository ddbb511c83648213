// "Load again": fetch anew what is not right, but never throw away what works.

import { ask } from "./talk";
import { registration } from "./offline";

/** `where`: the file that was not right, below the site's folder; empty where it was none. */
export async function reloadAll(where: string): Promise<void> {
  const worker = (await registration())?.active;
  if (navigator.serviceWorker?.controller && worker) {
    await ask(worker, "mend"); // Checks every byte that is kept.
  } else {
    await Promise.allSettled(["site.json", where].filter(Boolean).map(pastTheCache));
  }
  location.reload();
}

/** What the browser's own cache holds may be what is damaged. */
async function pastTheCache(path: string): Promise<void> {
  const response = await fetch(new URL(path, document.baseURI), { cache: "reload" });
  await response.arrayBuffer();
}
