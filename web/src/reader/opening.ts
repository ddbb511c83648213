// What reading needs: fetched all at once, each file checked against what the site was made of, before anything runs.

import type { Manifest } from "./bundle";
import type { OpenOptions } from "./contract";
import { PhotoDecoder } from "./decode";
import { checked, parseJson, parseSite, type Bytes, type SiteFiles } from "./files";
import { Browser } from "./jpeg/browser";
import { Codec, CODEC } from "./jpeg/codec";
import { Planes } from "./jpeg/planes";
import { proofOn, UNASKED, type Known } from "./jpeg/proven";
import type { Way, WayName } from "./jpeg/way";
import { forSmall } from "./manifest";
import { isJpeg, PICTURES } from "./pictures";
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
  decoding: Promise<PhotoDecoder>;
  started: number;
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

async function chooseDecoder(files: SiteFiles, site: Site, wanted: "auto" | WayName): Promise<PhotoDecoder> {
  const codec = new Codec(() => files.checked(site, files.pathOf(CODEC)));
  if (wanted === "codec") return new PhotoDecoder([codec], UNASKED);
  if (wanted === "planes") return new PhotoDecoder([new Planes(), codec], UNASKED);
  if (wanted === "browser") return new PhotoDecoder([new Browser(), codec], UNASKED);
  const ways: Way[] = [codec];
  const notes: string[] = [];
  if (Browser.exists) ways.unshift(new Browser());
  else notes.push("this browser draws nothing in a worker");
  if (Planes.exists) ways.unshift(new Planes());
  else notes.push("this browser has no WebCodecs for pictures");
  const decoder = new PhotoDecoder(ways, proofOn(() => quickPictures(files, site)), notes);
  await decoder.choose();
  return decoder;
}

/** The self-test's JPEGs but the largest, whose turn comes with the self-test itself. */
function quickPictures(files: SiteFiles, site: Site): Promise<Known[]> {
  const bytes = new Map(site.files.map((one) => [one.path, one.bytes]));
  const size = (name: string) => bytes.get(PICTURES + name) ?? 0;
  const names = Object.keys(site.pixels).filter(isJpeg).sort((a, b) => size(a) - size(b)).slice(0, -1);
  return Promise.all(
    names.map(async (name) => ({
      file: await files.checked(site, `${PICTURES}${name}`),
      pixels: site.pixels[name]!,
    })),
  );
}
