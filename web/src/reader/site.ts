// What site.json says: which files make the site, and which of the bundle's networks it reads with.
// `overread edge` writes it (overread/edge/site.py holds the other half of this contract).

export interface SiteFile {
  /** Below the site's folder, with slashes. */
  path: string;
  sha256: string;
  bytes: number;
  /** Whether the service worker keeps it for offline use at once; the others are fetched when asked for. */
  precache: boolean;
}

export interface Site {
  schema_version: 1;
  /** Version of Overread that wrote the site. */
  overread: string;
  /** name@version of the bundle; name@version+small where the small network reads. */
  bundle: string;
  /** SHA-256 of bundle.json. */
  bundle_digest: string;
  /** SHA-256 over "path sha256\n" of all files, sorted by path: the site's version. */
  digest: string;
  /** "bundle/network.small.onnx" or "bundle/network.onnx". */
  network: string;
  small: boolean;
  /** "bundle/network.plan.json", what our own kernels do of the network; null where they cannot. */
  plan: string | null;
  /** "bundle/network.rest.onnx", what onnxruntime then does; null with `plan`. */
  rest: string | null;
  /** "bundle/selftest/expected.small.json" or "bundle/selftest/expected.json". */
  expected: string;
  /** Self-test picture → SHA-256 of its pixels, uint8 [height, width, 3] upright, as Python decodes them. */
  pixels: Record<string, string>;
  /** Figures of evaluation.json that the page shows; empty where the bundle was never evaluated. */
  figures: Record<string, { value: number | null; low: number | null; high: number | null }>;
  files: SiteFile[];
}
