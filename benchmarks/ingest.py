"""Images per second and peak memory from class folders to a table: ours beside Hugging Face `datasets`.

Every contender runs in processes of its own over the same files. Theirs come twice: `imagefolder` as it is,
which copies bytes and opens no image, and with what an ingest must do at least (decode every pixel, hash the
file, divide by class). Ours also measures each image and looks for near-duplicates. Times are shown and never
judged: on a shared machine only ratios within one run mean something.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from told import measure_and_tell

CONTENDERS: dict[str, str] = {
    "ours": "Overread",
    "ours-plain": "Overread, no near-duplicates",
    "theirs": "datasets, bytes only",
    "theirs-same": "datasets, decoded and hashed",
}
CLASSES = ("benign", "malignant")
_INTERVAL_S = 0.2
_KIB = 1024


def main() -> None:
    asked = _arguments()
    if asked.contender:
        contend(asked.contender, asked.folder, workers=asked.workers)
        return
    measure_and_tell(asked, measure, show, below=asked.folder)


def measure(asked: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Everything that the table shows."""
    make_images(work / "images", asked.count, side=asked.side)
    contenders: dict[str, Any] = {}
    for name in CONTENDERS:
        if not asked.json:
            print(f"{CONTENDERS[name]} …", file=sys.stderr)
        figures = _run(name, work, workers=asked.workers)
        contenders[name] = figures | {"images_per_second": asked.count / figures["seconds"]}
    rate = {name: figures["images_per_second"] for name, figures in contenders.items()}
    return {
        "images": {"count": asked.count, "side": asked.side},
        "workers": asked.workers,
        "contenders": contenders,
        "ratios": {
            f"{one} / {other}": rate[one] / rate[other]
            for one in ("ours", "ours-plain")
            for other in ("theirs", "theirs-same")
        },
    }


def make_images(folder: Path, count: int, *, side: int) -> None:
    """So many small JPEG files, all different, in one folder a class."""
    import simplejpeg

    rng = np.random.default_rng(0)
    cells = side // 8
    for at in range(count):
        coarse = rng.integers(0, 256, (cells, cells, 3), np.uint8)
        pixels = np.ascontiguousarray(coarse.repeat(8, axis=0).repeat(8, axis=1))
        path = folder / CLASSES[at % 2] / f"{at // 1000:03d}" / f"{at:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(simplejpeg.encode_jpeg(pixels, quality=90))


def contend(name: str, work: Path, *, workers: int) -> None:
    """Run one contender in this process and print its seconds, start of the interpreter left out."""
    run: Callable[[Path, int], int] = {
        "ours": _ours,
        "ours-plain": _ours_plain,
        "theirs": _theirs,
        "theirs-same": _theirs_same,
    }[name]
    begun = time.perf_counter()
    images = run(work, workers)
    seconds = time.perf_counter() - begun
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(one.ru_utime + one.ru_stime for one in spent)
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "images": images}))


def _ours(work: Path, workers: int, *, near_duplicates: bool = True) -> int:
    from overread.cohort import IngestSettings, ingest
    from overread.engine import LocalEngine

    settings = IngestSettings(near_duplicates=near_duplicates)
    out = work / f"ours-{near_duplicates}"
    return ingest(work / "images", out, settings=settings, engine=LocalEngine(workers)).card.images


def _ours_plain(work: Path, workers: int) -> int:
    return _ours(work, workers, near_duplicates=False)


def _image_folder(work: Path, workers: int, *, cache: str) -> Any:
    """The files as `datasets` takes them in; each contender with a cache of its own."""
    import datasets

    datasets.disable_progress_bars()
    return datasets.load_dataset(
        "imagefolder",
        data_files={"train": str(work / "images" / "**" / "*.jpg")},
        drop_labels=True,
        cache_dir=str(work / f"cache-{cache}"),
        split="train",
        num_proc=workers,
    )


def _theirs(work: Path, workers: int) -> int:
    found = _image_folder(work, workers, cache="theirs")
    found.to_parquet(str(work / "theirs.parquet"))
    return int(found.num_rows)


def _theirs_same(work: Path, workers: int) -> int:
    import datasets

    found = _image_folder(work, workers, cache="same")
    found = found.cast_column("image", datasets.Image(decode=False))
    found = found.map(_look_at, num_proc=workers, writer_batch_size=1000)
    found = found.class_encode_column("label").train_test_split(0.2, stratify_by_column="label", seed=0)
    for split, rows in found.items():
        rows.to_parquet(str(work / f"same-{split}.parquet"))
    return sum(rows.num_rows for rows in found.values())


def _look_at(row: dict[str, Any]) -> dict[str, Any]:
    """The least that an ingest asks of an image: its size after decoding every pixel, and its hash."""
    import hashlib
    import io

    from PIL import Image

    path = Path(row["image"]["path"])
    content = row["image"]["bytes"] or path.read_bytes()
    pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    label = path.parts[-3]
    return {
        "label": label,
        "height": pixels.shape[0],
        "width": pixels.shape[1],
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _run(name: str, work: Path, *, workers: int) -> dict[str, float]:
    """One contender in a session of its own, with the highest memory of all its processes together."""
    command = [
        sys.executable,
        __file__,
        "--contender",
        name,
        "--folder",
        str(work),
        "--workers",
        str(workers),
    ]
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_HOME": str(work / "hf"),
    }
    with (work / "said").open("w+") as said:
        process = subprocess.Popen(
            command, stdout=said, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
        )
        peak = 0
        while process.poll() is None:
            peak = max(peak, _memory_of(process.pid))
            time.sleep(_INTERVAL_S)
        if process.returncode:
            sys.exit(f"{CONTENDERS[name]} failed: {process.stderr.read()[-2000:] if process.stderr else ''}")
        said.seek(0)
        figures: dict[str, float] = json.loads(said.read().strip().splitlines()[-1])
    return figures | {"peak_mib": peak / _KIB}


def _memory_of(session: int) -> int:
    """KiB that all processes of a session use together, pages that they share counted once."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int((folder / "stat").read_text().rpartition(")")[2].split()[3]) != session:
                continue
            lines = (folder / "smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except (OSError, ValueError, IndexError, StopIteration):
            continue  # it ended in between
    return total


def show(found: dict[str, Any]) -> None:
    """The table for a person."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=110, highlight=False)
    images = found["images"]
    console.print(f"{images['count']:,} JPEG files of {images['side']} px, {found['workers']} workers")
    table = Table(box=None, pad_edge=False)
    for name in (
        "from folders to a table",
        "images/s",
        "CPU ms/image",
        "peak MiB",
        "× bytes only",
        "× same work",
    ):
        table.add_column(name, justify="left" if name.startswith("from") else "right")
    rate = {name: figures["images_per_second"] for name, figures in found["contenders"].items()}
    for name, figures in found["contenders"].items():
        table.add_row(
            CONTENDERS[name],
            f"{rate[name]:,.0f}",
            f"{1000 * figures['cpu_seconds'] / images['count']:.2f}",
            f"{figures['peak_mib']:,.0f}",
            f"{rate[name] / rate['theirs']:.2f}",
            f"{rate[name] / rate['theirs-same']:.2f}",
        )
    console.print(table)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100_000, help="images")
    parser.add_argument("--side", type=int, default=64, help="pixels of a side, a multiple of 8")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=None, help="for temporary files")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
