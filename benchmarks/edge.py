"""Milliseconds from a JPEG file to a score: a browser beside native onnxruntime and TensorFlow.js in one run.

The same files, the same weights and one thread unless said otherwise; contenders take turns, image by image,
and each image counts with its fastest turn, as this machine's other work only ever adds. Also: what a first
visit loads, and seconds to the first answer on a phone's profile (390x844, processor slowed 4 times).
Without a bundle one is made: MobileNetV2 with random weights, trained on drawings.
docs/explanation/edge-speed.md says what was found.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import edge_pages
import edge_peer
import numpy as np

from overread.bundle.read import PREPROCESS_NAME, Bundle
from overread.edge.site import Site, load_site, write_site
from overread.imaging import GraphRunner, decode

PARTS = ("decode", "preprocess", "network")
NATIVE = "native onnxruntime, 1 thread"
OURS = "Overread in Chromium, 1 thread"
OURS_SHARED = "Overread in Chromium, 2 threads"
PEER = "TensorFlow.js WASM in Chromium, 1 thread"
GOALS = {"over_native": 2.5, "over_peer": 1.2, "first_load_mb": 5.0, "first_answer_s": 3.0}
WIDTH, HEIGHT = 600, 450
TOLERANCE = 1e-5

Reading = dict[str, Any]
Read = Callable[[bytes], Reading]
ReadMany = Callable[[Sequence[bytes]], float]


def main() -> None:
    """Measure, and print a table or JSON."""
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="overread-bench-") as folder:
        found = measure(asked, Path(folder))
    print(json.dumps(found, indent=2) if asked.json else table(found))


def measure(asked: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Everything that the table shows."""
    bundle = asked.bundle or make_bundle(work)
    photographs = _photographs(asked.images, asked.count)
    site = write_site(bundle, work / "site")
    plain = without_kernels(work / "site", work / "plain")
    whole = Bundle.load(bundle, small=site.small)
    network = (work / "site" / site.network).read_bytes()
    lacking = edge_peer.install()
    model = work / "model"
    if not lacking and not edge_peer.write_model(network, whole.manifest.preprocess, model):
        lacking = "the network has layers that the peer's page does not know"
    with ExitStack() as stack:
        running = stack.enter_context(edge_pages.browsers(("chromium", "firefox")))
        chromium = running["chromium"]
        first: dict[str, Any] = edge_pages.first_answer(chromium, work / "site", photographs[0])
        contenders: dict[str, Read] = {NATIVE: native(whole, network)}
        clocks: dict[str, ReadMany] = {NATIVE: partial(processor_ms, contenders[NATIVE])}
        runtimes: dict[str, Any] = {}

        def add(name: str, page: edge_pages.OpenPage) -> None:
            contenders[name], clocks[name], runtimes[name] = page.read, page.read_many, page.runtime

        for threads, said in ((1, "1 thread"), (2, "2 threads")):
            add(f"Overread in Chromium, {said}", stack.enter_context(
                edge_pages.our_page(chromium, work / "site", threads=threads)))  # fmt: skip
            add(f"onnxruntime-web alone in Chromium, {said}", stack.enter_context(
                edge_pages.our_page(chromium, plain, threads=threads)))  # fmt: skip
            if not lacking:
                add(f"TensorFlow.js WASM in Chromium, {said}", stack.enter_context(
                    edge_pages.peer_page(chromium, model, threads=threads)))  # fmt: skip
        if "firefox" in running:
            add("Overread in Firefox, 1 thread", stack.enter_context(
                edge_pages.our_page(running["firefox"], work / "site", threads=1)))  # fmt: skip
        rows = race(contenders, photographs, rounds=asked.rounds)
        for name, spent in processor_race(clocks, photographs).items():
            rows[name]["processor"] = spent
    if not asked.bundle:
        first["note"] = "random weights: what is loaded is larger than what training leaves"
    return {
        "images": {"count": len(photographs), "rounds": asked.rounds},
        "bundle": site.bundle,
        "contenders": rows,
        "runtimes": runtimes,
        "peer": lacking or "TensorFlow.js 4.22, WASM backend, fused layers; bilinear resize, not antialiased",
        "ratios": ratios(rows),
        "first_load": first_load(work / "site", site),
        "first_answer": first,
        "goals": GOALS,
        "max_abs_score_difference": _difference(rows),
    }


def race(contenders: dict[str, Read], photographs: list[bytes], *, rounds: int) -> dict[str, Reading]:
    """Fastest milliseconds an image, averaged over the images; and of the parts in those very turns."""
    for read in contenders.values():  # WASM is compiled better once it has run for a while.
        for turn in range(30):
            read(photographs[turn % len(photographs)])
    best: dict[str, list[Reading]] = {name: [] for name in contenders}
    for photograph in photographs:
        turns = [{name: read(photograph) for name, read in contenders.items()} for _ in range(rounds)]
        for name in contenders:
            best[name].append(min((turn[name] for turn in turns), key=lambda one: float(one["ms"])))
    return {
        name: {
            "ms": float(np.mean([one["ms"] for one in found])),
            **dict(zip(PARTS, np.mean([one["parts"] for one in found], axis=0).tolist(), strict=True)),
            "values": [one["value"] for one in found],
        }
        for name, found in best.items()
    }


def processor_race(
    clocks: dict[str, ReadMany], photographs: list[bytes], passes: int = 3
) -> dict[str, float]:
    """Milliseconds of processor an image in the cheapest pass over all; a waiting contender costs none."""
    found: dict[str, list[float]] = {name: [] for name in clocks}
    for _ in range(passes):
        for name, read_many in clocks.items():
            found[name].append(read_many(photographs * 2))
    return {name: min(spent) for name, spent in found.items()}


def processor_ms(read: Read, photographs: Sequence[bytes]) -> float:
    """Of this process, an image."""
    begun = time.process_time()
    for photograph in photographs:
        read(photograph)
    return 1000 * (time.process_time() - begun) / len(photographs)


def native(whole: Bundle, network: bytes) -> Read:
    """Decoder, preprocess.onnx and network as Python runs them, on one thread."""
    from overread.imaging.session import open_session

    preprocess = GraphRunner(whole.file(PREPROCESS_NAME), threads=1)
    session = open_session(network, threads=1)
    wanted = ["score", "novelty", "saliency"]

    def read(content: bytes) -> Reading:
        times = [time.perf_counter()]
        pixels = decode(content)
        times.append(time.perf_counter())
        values = preprocess(pixels)
        times.append(time.perf_counter())
        score = session.run(wanted, {"input": values})[0]
        times.append(time.perf_counter())
        parts = np.diff(times) * 1000
        return {"ms": float(parts.sum()), "parts": parts.tolist(), "value": float(score[0, 0])}

    return read


def ratios(rows: dict[str, Reading]) -> dict[str, float | None]:
    """What the goals are about: our time over native's, and the peer's over ours."""
    peer = rows.get(PEER)
    return {
        "over_native": rows[OURS]["ms"] / rows[NATIVE]["ms"],
        "over_peer": peer["ms"] / rows[OURS]["ms"] if peer else None,
        "over_native_2_threads": rows[OURS_SHARED]["ms"] / rows[NATIVE]["ms"],
        "network_over_native": rows[OURS]["network"] / rows[NATIVE]["network"],
        "network_over_peer": peer["network"] / rows[OURS]["network"] if peer else None,
    }


def first_load(folder: Path, site: Site) -> dict[str, float]:
    """Megabytes (10^6) of all that a first visit keeps: as they are, and as hosts can send them."""
    kept = [folder / one.path for one in site.files if one.precache] + [
        folder / "site.json",
        folder / "sw.js",
    ]

    def total(ending: str) -> float:
        sent = (path.with_name(path.name + ending) for path in kept)
        return sum((one if one.exists() else one.with_suffix("")).stat().st_size for one in sent) / 1e6

    return {
        "br_mb": total(".br"),
        "gz_mb": total(".gz"),
        "raw_mb": sum(one.stat().st_size for one in kept) / 1e6,
    }


def without_kernels(site: Path, out: Path) -> Path:
    """The same site, read by onnxruntime-web alone."""
    import shutil

    shutil.copytree(site, out)
    told = load_site(site).model_copy(update={"plan": None, "rest": None}).model_dump_json().encode()
    (out / "site.json").write_bytes(told)
    (out / "site.json.br").unlink(missing_ok=True)
    (out / "site.json.gz").write_bytes(gzip.compress(told))
    return out


def make_bundle(work: Path) -> Path:
    """MobileNetV2 with random weights and a linear head, trained on drawings of skin lesions."""
    from overread.imaging.phantoms import generate_skin
    from overread.study import run_study
    from overread.study.settings import EngineTable, Study, check_study

    print("making a bundle (MobileNetV2, random weights) …", file=sys.stderr)
    generate_skin(work / "phantoms", patients=60, seed=0)
    said = {
        "study": {"name": "edge", "seed": 0},
        "cohort": {"source": "phantoms", "positive": "malignant", "licence": "generated, no patient"},
        "reader": {"backbone": "mobilenetv2_100", "weights": "none", "image_size": 224, "phases": ["head"]},
    }
    with EngineTable().opened() as engine:
        return run_study(
            Study(check_study(said, where="the benchmark's study"), work), work, engine=engine
        ).bundle


def table(found: dict[str, Any]) -> str:
    """For people."""
    width = max(len(name) for name in found["contenders"])
    shown = (*PARTS, "processor")
    lines = [f"{'':{width}}  {'ms an image':>11}  " + "  ".join(f"{part:>10}" for part in shown)]
    for name, row in found["contenders"].items():
        parts = "  ".join(f"{row[part]:10.1f}" for part in shown)
        lines.append(f"{name:{width}}  {row['ms']:11.1f}  {parts}")
    goals, first, load = found["goals"], found["first_answer"], found["first_load"]
    over = found["ratios"]
    lines += [
        "",
        f"over native: {over['over_native']:.2f} times its time (goal: at most {goals['over_native']}); "
        f"with 2 threads {over['over_native_2_threads']:.2f} times that of native with one",
        f"over TensorFlow.js: {over['over_peer']:.2f} times its speed (goal: at least {goals['over_peer']})"
        if over["over_peer"]
        else f"TensorFlow.js: {found['peer']}",
        f"first load: {load['br_mb']:.2f} MB as brotli (goal: at most {goals['first_load_mb']}), "
        f"{load['gz_mb']:.2f} as gzip, {load['raw_mb']:.2f} as it is",
        f"first answer on the phone profile: {first['s']:.1f} s (goal: at most {goals['first_answer_s']}), "
        f"at the first visit {first['first_visit_s']:.1f} s",
        f"largest difference of a score to native: {found['max_abs_score_difference']:.1e}",
    ]
    return "\n".join(lines)


def _difference(rows: dict[str, Reading]) -> float:
    said = rows[NATIVE]["values"]
    ours = [row["values"] for name, row in rows.items() if not name.startswith("TensorFlow")]
    return float(np.abs(np.array(ours) - np.array(said)).max())


def _photographs(folder: Path | None, count: int) -> list[bytes]:
    """So many JPEG files: those of a folder, brought to 600x450; or drawings of that size."""
    from PIL import Image

    def encoded(image: Image.Image) -> bytes:
        buffer = io.BytesIO()
        image.convert("RGB").resize((WIDTH, HEIGHT)).save(buffer, "JPEG", quality=90)
        return buffer.getvalue()

    if folder is not None:
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg"})
        return [encoded(Image.open(path)) for path in paths[:: max(1, len(paths) // count)][:count]]
    rng = np.random.default_rng(0)
    coarse = [rng.integers(0, 256, (12, 16, 3), np.uint8) for _ in range(count)]
    return [encoded(Image.fromarray(one).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)) for one in coarse]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=Path, nargs="?", help="default: one is made, which takes a minute")
    parser.add_argument("--images", type=Path, help="folder of JPEG files; default: drawings")
    parser.add_argument("--count", type=int, default=16, help="of images")
    parser.add_argument("--rounds", type=int, default=12, help="turns that each image gets")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
