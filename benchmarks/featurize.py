"""Images per second from JPEG files to features: ours beside a plain and a tuned PyTorch pipeline.

Same backbone, weights, images and input size; every contender in a process of its own; the order turns with
each repeat; medians over repeats. Times are shown and never judged: on a shared machine only ratios within
one run mean something.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from contenders import FIRST, cycle
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("OVERREAD_SHARED", ROOT.parent / "shared"))

# glibc otherwise gives large blocks back to the system and asks for them anew, batch after batch.
TUNED_ENVIRONMENT = {"MALLOC_MMAP_THRESHOLD_": "4000000000", "MALLOC_TRIM_THRESHOLD_": "8000000000"}

CONTENDERS: dict[str, str] = {
    "ours-2": "Overread, 2 workers",
    "ours-1": "Overread, 1 worker",
    "tuned": "PyTorch, tuned",
    "plain": "PyTorch, untuned",
    "ceiling": "network alone, 2 processes",
}


def main() -> None:
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="overread-bench-") as folder:
        found = measure(asked, Path(folder))
    if asked.json:
        print(json.dumps(found, indent=2))
    else:
        show(found)


def measure(asked: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Everything that the table shows."""
    source = prepare_images(asked.images, asked.count, work)
    options = {"count": asked.count, "image_size": asked.image_size}
    weights = asked.weights or _default_weights(asked.backbone)
    said = {"backbone": asked.backbone, "weights": weights, "image_size": asked.image_size}
    network = _contend(work, "export", said)
    tuning = _contend(work, "tune", options, environment=TUNED_ENVIRONMENT)
    extra: dict[str, dict[str, Any]] = {
        "ours-2": {"workers": 2},
        "ours-1": {"workers": 1},
        "tuned": tuning,
        "ceiling": {"workers": 2},
    }
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTENDERS}
    for repeat in range(asked.repeats):
        for name in list(CONTENDERS)[:: 1 if repeat % 2 == 0 else -1]:
            environment = TUNED_ENVIRONMENT if name == "tuned" else {}
            runs[name].append(
                _contend(work, name, {**options, **extra.get(name, {})}, environment=environment)
            )
            if not asked.json:
                Console(stderr=True).print(f"[dim]{repeat + 1}/{asked.repeats} {CONTENDERS[name]}[/]")
    figures = {name: summary(found) for name, found in runs.items()}
    return {
        "images": {"source": source, "count": asked.count},
        "network": network,
        "repeats": asked.repeats,
        "cores": len(os.sched_getaffinity(0)),
        "tuning": {**tuning, "environment": TUNED_ENVIRONMENT},
        "contenders": figures,
        "ratios": {
            f"{one} / {other}": figures[one]["images_per_second"] / figures[other]["images_per_second"]
            for one, other in (
                ("ours-2", "tuned"),
                ("ours-2", "plain"),
                ("ours-1", "tuned"),
                ("ours-1", "plain"),
                ("ours-2", "ceiling"),
            )
        },
        "deviation": {
            other: deviation(np.load(work / "ours-2.npy"), np.load(work / f"{other}.npy"))
            for other in ("ours-1", "plain", "tuned")
        },
    }


def prepare_images(folder: Path | None, count: int, work: Path) -> str:
    """The same images twice: as files for theirs, and as Parquet of encoded bytes for ours."""
    if folder is None:
        folder = SHARED / "data" / "skin" / "train"
    if not folder.is_dir():
        from overread.imaging.phantoms import generate_skin

        folder = generate_skin(work / "phantoms", patients=max(4, min(count, 60)), seed=0)
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg"})
    if not paths:
        sys.exit(f"'{folder}' holds no JPEG; name a folder with --images")
    (work / "images").mkdir()
    rows: dict[str, list[Any]] = {"image_id": [], "uri": [], "content": []}
    for at, path in enumerate(cycle(paths, count)):
        copy = work / "images" / f"{at:06d}.jpg"
        shutil.copyfile(path, copy)
        rows["image_id"].append(copy.stem)
        rows["uri"].append(str(copy))
        rows["content"].append(path.read_bytes())
    schema = pa.schema([("image_id", pa.string()), ("uri", pa.string()), ("content", pa.binary())])
    table = pa.table(rows, schema=schema)
    pq.write_table(table, work / "images.parquet", row_group_size=64, compression="none")
    pq.write_table(table.slice(0, FIRST), work / "first.parquet", compression="none")
    return f"{folder} ({len(paths)} images)"


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians over repeats, and the range of the rate."""
    rates = [run["images_per_second"] for run in runs]
    starts = [run["start_seconds"] for run in runs if run["start_seconds"] is not None]
    return {
        "images_per_second": statistics.median(rates),
        "lowest": min(rates),
        "highest": max(rates),
        "cpu_ms_per_image": statistics.median(run["cpu_ms_per_image"] for run in runs),
        "start_seconds": statistics.median(starts) if starts else None,
    }


def deviation(one: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """How far apart two pipelines' features are, beside how large they are."""
    gap = np.abs(one.astype(np.float64) - other)
    similar = (one * other).sum(1) / np.maximum(
        np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1), 1e-12
    )
    return {
        "largest": float(gap.max()),
        "mean": float(gap.mean()),
        "mean_feature": float(np.abs(other).mean()),
        "lowest_cosine": float(similar.min()),
    }


def show(found: dict[str, Any]) -> None:
    """The table for a person."""
    network, tuning = found["network"], found["tuning"]
    console = Console(width=110, highlight=False)
    console.print(
        f"{found['images']['count']} images from {found['images']['source']}, {network['backbone']} at "
        f"{network['size']} px, {found['cores']} cores, {found['repeats']} repeats"
    )
    table = Table(box=None, pad_edge=False)
    for name, side in (
        ("from JPEG to features", "left"),
        ("images/s", "right"),
        ("range", "right"),
        ("CPU ms/image", "right"),
        ("start s", "right"),
        ("× untuned", "right"),
        ("× tuned", "right"),
    ):
        table.add_column(name, justify=side)
    rate = {name: figures["images_per_second"] for name, figures in found["contenders"].items()}
    for name, figures in found["contenders"].items():
        start = figures["start_seconds"]
        table.add_row(
            CONTENDERS[name],
            f"{rate[name]:.1f}",
            f"{figures['lowest']:.1f} to {figures['highest']:.1f}",
            f"{figures['cpu_ms_per_image']:.1f}",
            "" if start is None else f"{start:.1f}",
            f"{rate[name] / rate['plain']:.2f}",
            f"{rate[name] / rate['tuned']:.2f}",
        )
    console.print(table)
    console.print(
        f"PyTorch: DataLoader, torchvision, timm. Tuned: batch {tuning['batch']}, {tuning['loader_workers']} "
        f"loader workers, {tuning['threads']} threads, channels_last, inference_mode, torchvision's JPEG "
        "decoder and uint8 resize, glibc keeps its memory. Network alone: onnxruntime, 1 thread a process."
    )
    for other, gap in found["deviation"].items():
        console.print(
            f"features of ours-2 against {other}: largest |Δ| {gap['largest']:.2g}, mean {gap['mean']:.2g} "
            f"(mean feature {gap['mean_feature']:.2g}), lowest cosine {gap['lowest_cosine']:.6f}"
        )
    console.print("Both resize with an antialiased filter; pixels differ by at most one grey level.")


def _contend(
    work: Path, name: str, options: dict[str, Any], *, environment: dict[str, str] | None = None
) -> dict[str, Any]:
    command = [sys.executable, str(Path(__file__).with_name("contenders.py")), str(work), name]
    done = subprocess.run(
        [*command, json.dumps(options)],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"contender '{name}' failed; its own message stands above")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _default_weights(backbone: str) -> str:
    folder = SHARED / "weights" / backbone
    return f"local-dir:{folder}" if (folder / "model.safetensors").is_file() else "none"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--images", type=Path, help="folder of JPEG files; default: shared data, else phantoms"
    )
    parser.add_argument("--count", type=int, default=512, help="images a pass; a smaller folder is repeated")
    parser.add_argument("--backbone", default="mobilenetv2_100", help="any timm name")
    parser.add_argument("--weights", help="as in a study; default: the shared folder's, else random")
    parser.add_argument("--image-size", type=int, default=224, help="side of the input in pixels")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    if asked.count <= FIRST or asked.repeats < 1:
        parser.error(f"expected --count above {FIRST} and --repeats of at least 1")
    return asked


if __name__ == "__main__":
    main()
