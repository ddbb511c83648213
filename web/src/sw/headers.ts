// What a kept file is answered with: the headers that a good host would send, also where the host cannot.

/** Threads need the first two on every response; the policy reaches workers, which index.html's does not. */
export const SITE_HEADERS: Readonly<Record<string, string>> = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; " +
    "img-src 'self' blob: data:; connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; " +
    "media-src 'self' blob:; base-uri 'none'; form-action 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
};

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  jpg: "image/jpeg",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  md: "text/markdown; charset=utf-8",
  mjs: "text/javascript; charset=utf-8",
  png: "image/png",
  svg: "image/svg+xml",
  ttf: "font/ttf",
  wasm: "application/wasm",
  webmanifest: "application/manifest+json",
  woff2: "font/woff2",
};

/** By the name's ending, as hosts disagree about .mjs and .wasm, and a wrong type stops a script. */
export function mediaType(path: string): string {
  return MEDIA_TYPES[path.slice(path.lastIndexOf(".") + 1).toLowerCase()] ?? "application/octet-stream";
}

/** A file's bytes as the response that is kept. */
export function keptResponse(path: string, bytes: ArrayBuffer): Response {
  return new Response(bytes, {
    headers: { ...SITE_HEADERS, "Content-Type": mediaType(path), "Content-Length": String(bytes.byteLength) },
  });
}

/** The host's response, with the headers that threads need. */
export function isolated(response: Response): Response {
  if (response.type === "opaqueredirect" || response.type === "error") return response;
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(SITE_HEADERS)) headers.set(name, value);
  const { status, statusText } = response;
  const empty = [101, 204, 205, 304].includes(status); // may have no body, not even an empty one
  return new Response(empty ? null : response.body, { status, statusText, headers });
}
