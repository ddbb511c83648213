// Files → sessions → readings.

import * as ort from "onnxruntime-web/wasm";
import ortModule from "onnxruntime-web/ort-wasm-simd-threaded.mjs?url";
import ortBinary from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import type { Manifest } from "./bundle";
import type { Opened, OpenOptions, Reading, ReaderApi, ReadOptions, Rejected, Retake, SelfTest } from "./contract";
import type { Site } from "./site";

export class Reader implements ReaderApi {
  private manifest!: Manifest;
  private site!: Site;
  private preprocess!: ort.InferenceSession;
  private network!: ort.InferenceSession;

  async open(options: OpenOptions = {}): Promise<Opened> {
    const started = performance.now();
    const root = new URL("../", self.location.href); // the worker lies in assets/
    const get = async (path: string) => new Uint8Array(await (await fetch(new URL(path, root))).arrayBuffer());
    this.site = JSON.parse(new TextDecoder().decode(await get("site.json"))) as Site;
    this.manifest = JSON.parse(new TextDecoder().decode(await get("bundle/bundle.json"))) as Manifest;
    ort.env.wasm.wasmPaths = { mjs: new URL(ortModule, self.location.href).href, wasm: new URL(ortBinary, self.location.href).href };
    const threads = self.crossOriginIsolated ? Math.min(options.threads ?? 4, navigator.hardwareConcurrency) : 1;
    ort.env.wasm.numThreads = threads;
    this.preprocess = await ort.InferenceSession.create(await get("bundle/preprocess.onnx"));
    this.network = await ort.InferenceSession.create(await get(this.site.network));
    return {
      manifest: this.manifest,
      site: this.site,
      runtime: {
        backend: "wasm",
        threads,
        isolated: self.crossOriginIsolated,
        decoder: "browser",
        openedMs: performance.now() - started,
        notes: [],
      },
    };
  }

  async selfTest(): Promise<SelfTest> {
    throw new Error("not yet");
  }

  async read(file: Blob, _options: ReadOptions = {}): Promise<Reading | Retake | Rejected> {
    const times = [performance.now()];
    const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
    const { width, height } = bitmap;
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d", { willReadFrequently: true })!;
    context.drawImage(bitmap, 0, 0);
    const rgba = context.getImageData(0, 0, width, height).data;
    const rgb = new Uint8Array(width * height * 3);
    for (let from = 0, to = 0; to < rgb.length; from += 4, to += 3) {
      rgb[to] = rgba[from]!;
      rgb[to + 1] = rgba[from + 1]!;
      rgb[to + 2] = rgba[from + 2]!;
    }
    times.push(performance.now());
    const { input } = await this.preprocess.run({ pixels: new ort.Tensor("uint8", rgb, [height, width, 3]) });
    times.push(performance.now());
    const output = await this.network.run({ input: input! });
    times.push(performance.now());
    const scores = Array.from(output["score"]!.data as Float32Array);
    const novelty = (output["novelty"]!.data as Float32Array)[0]!;
    const map = output["saliency"]!;
    return {
      kind: "reading",
      scores,
      decision: "routine",
      reason: null,
      operatingPoint: "",
      novelty,
      bundle: this.site.bundle,
      sha256: "",
      metadataMissing: [],
      quality: [],
      width,
      height,
      saliency: {
        values: map.data as Float32Array,
        classes: map.dims[1]!,
        height: map.dims[2]!,
        width: map.dims[3]!,
      },
      timing: {
        decodeMs: times[1]! - times[0]!,
        preprocessMs: times[2]! - times[1]!,
        networkMs: times[3]! - times[2]!,
      },
    };
  }
}
