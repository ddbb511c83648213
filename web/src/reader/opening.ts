// What reading needs: fetched all at once, each file checked against what the site was made of, before anything runs.

import type { Manifest } from "./bundle";
import type { OpenOptions } from "./contract";
import { PhotoDecoder } from "./decode";
import { checked, parseJson, parseSite, type Bytes, type SiteFiles } from "./files";
import { CODEC } from "./jpeg/codec";
import { forSmall } from "./manifest";
import { isJpeg, OTHER_PIXELS, PICTURES } from "./pictures";
import type { Plan } from "./planned/plan";
import { problem } from "./problem";
import { RUNTIME, type Models } from "./sessions";
import { sha256 } from "./sha256";
import type { Site } from "./site";

const MANIFEST = "bundle/bundle.json";
const PREPROCESS = "bundle/preprocess.onnx";

export interface Loaded {
  site: Site;
  manifest: Manifest;
  models: Models;
  decoding: Promise<Decoding>;
  started: number;
}

/** Who decodes JPEG, and why not the browser. */
export interface Decoding {
  decoder: PhotoDecoder;
  note: string;
}

/** Fetch and check everything that reading needs. */
export async function loadSite(files: SiteFiles, options: OpenOptions): Promise<Loaded> {
  const started = performance.now();
  const runtimePath = files.pathOf(RUNTIME);
  // All at once: what they are checked against may come last.
  const [siteBytes, said, preprocess, runtime] = ["site.json", MANIFEST, PREPROCESS, runtimePath].map((path) => {
    const content = files.fetch(path);
    content.catch(() => undefined); // It is said below, when its turn comes.
    return content;
  }) as [Promise<Bytes>, Promise<Bytes>, Promise<Bytes>, Promise<Bytes>];
  const site = await parseSite(await siteBytes);
  const network = files.checked(site, site.network);
  network.catch(() => undefined);
  const planned = plannedOf(files, site);
  planned.catch(() => undefined);
  const decoding = chooseDecoder(files, site, options.decoder ?? "auto");
  decoding.catch(() => undefined);
  const manifestBytes = await checked(site, MANIFEST, said);
  if ((await sha256(manifestBytes)) !== site.bundle_digest) {
    throw problem("changed-file", MANIFEST, "it is not the bundle that the site was made of");
  }
  const whole = parseJson<Manifest>(manifestBytes, MANIFEST);
  const manifest = site.small ? forSmall(whole) : whole;
  const models: Models = {
    preprocess: await checked(site, PREPROCESS, preprocess),
    runtime: await checked(site, runtimePath, runtime),
    network: await network,
    planned: await planned,
    spec: manifest.preprocess,
  };
  for (const path of [PREPROCESS, site.network]) {
    const listed = site.files.find((one) => one.path === path)?.sha256;
    if (whole.files[path.replace("bundle/", "")] !== listed) {
      throw problem("changed-file", path, "its content is not the one that the bundle was packed with");
    }
  }
  return { site, manifest, models, decoding, started };
}

async function plannedOf(files: SiteFiles, site: Site): Promise<Models["planned"]> {
  const { plan, rest } = site;
  if (!plan || !rest) return null;
  const [planBytes, restBytes] = await Promise.all([plan, rest].map((path) => files.checked(site, path)));
  return planBytes && restBytes ? { plan: parseJson<Plan>(planBytes, plan), rest: restBytes } : null;
}

async function chooseDecoder(
  files: SiteFiles,
  site: Site,
  wanted: "auto" | "browser" | "codec",
): Promise<Decoding> {
  const program = () => files.checked(site, files.pathOf(CODEC));
  if (wanted !== "auto") return { decoder: new PhotoDecoder(wanted, program), note: "" };
  if (typeof OffscreenCanvas === "undefined") {
    return { decoder: new PhotoDecoder("codec", program), note: "this browser draws nothing in a worker" };
  }
  const decoder = new PhotoDecoder("browser", program);
  for (const name of quickPictures(site)) {
    const pixels = await decoder.decode(await files.checked(site, `${PICTURES}${name}`));
    if ((await sha256(pixels.data)) === site.pixels[name]) continue;
    decoder.kind = "codec";
    return { decoder, note: OTHER_PIXELS };
  }
  return { decoder, note: "" };
}

/** The self-test's JPEGs but the largest, whose turn comes with the self-test itself. */
function quickPictures(site: Site): string[] {
  const bytes = new Map(site.files.map((one) => [one.path, one.bytes]));
  const size = (name: string) => bytes.get(PICTURES + name) ?? 0;
  return Object.keys(site.pixels).filter(isJpeg).sort((a, b) => size(a) - size(b)).slice(0, -1);
}
