"""Ingest and predict on Spark at the size of ChestX-ray14, in bounded memory: rows, rates, and the peak.

Rows are those of the official table (Data_Entry_2017, revision of 2020, from the shared data; generated
where that is missing); the images are generated, small, and the same for the same row, some damaged and some
missing on purpose. A reader of a few findings is trained first, in a process of its own. Then one driver
with one session of Spark makes the cohort and reads it, together with a folder of images that came later;
meanwhile the memory of driver, Java machine and Python workers is looked at, pages that they share counted
once. Nothing may be lost: found = read + rejected, with the very rejects that were made. The exit code is 1
where that fails.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from process_tree import MemoryWatch, cpu_seconds
from runner import SHARED
from told import tell

TABLE = "Data_Entry_2017_v2020.csv"
LISTS = ("train_list", "val_list", "test_list")
FINDINGS = ("Infiltration", "Effusion", "Atelectasis")
LIMIT_MIB = 4096
DAMAGE = ("cut short", "empty", "no image", "missing")
_EVERY = 211  # rows until the next damaged one
_LATER = 100  # one image that came later for so many rows
_LEARNT_FROM = 300


def main() -> None:
    asked = _arguments()
    if asked.step == "bundle":
        make_bundle(asked.folder, side=asked.side)
        return
    if asked.step == "run":
        print(
            json.dumps(run(asked.folder, master=asked.master, near_duplicates=not asked.no_near_duplicates))
        )
        return
    with tempfile.TemporaryDirectory(prefix="overread-bench-", dir=asked.folder) as folder:
        found = measure(asked, Path(folder))
    if asked.plot:
        plot(found, asked.plot)
    tell(found, show, as_json=asked.json)
    if not found["reconciles"]:
        sys.exit("rows were lost or made up: see above")


def measure(asked: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Everything that is printed."""
    header, rows = table_rows(asked.rows)
    begun = time.perf_counter()
    made = make_source(work / "source", header, rows, side=asked.side)
    later = make_later(work / "later", len(rows) // _LATER + 2, side=asked.side)
    small = rows[:_LEARNT_FROM]
    make_source(work / "small", header, small, side=asked.side)
    made_s = time.perf_counter() - begun
    step = [sys.executable, __file__, "--folder", str(work), "--side", str(asked.side)]
    subprocess.run([*step, "--step", "bundle"], check=True, stdout=sys.stderr)
    step += ["--step", "run", "--master", asked.master]
    step += ["--no-near-duplicates"] if asked.no_near_duplicates else []
    done = subprocess.run(step, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    said = {"rows": len(rows), "side": asked.side, "master": asked.master, "generated_seconds": made_s}
    return {**said, **judged(found, made, later)}


def judged(found: dict[str, Any], made: dict[str, int], later: dict[str, int]) -> dict[str, Any]:
    """What was found beside what must have been found, and the peak beside the limit."""
    images = made["files"] - made["damaged"]
    expected = {
        "ingest": {"found": made["files"], "read": images, "rejected": made["damaged"]},
        "predict": {
            "found": images + later["files"],
            "read": images + later["files"] - later["damaged"],
            "rejected": later["damaged"],
        },
    }
    counts = {name: {key: found[name][key] for key in wanted} for name, wanted in expected.items()}
    return {
        **found,
        "expected": expected,
        "reconciles": counts == expected and found["distinct_readings"] == expected["predict"]["read"],
        "limit_mib": LIMIT_MIB,
        "within_limit": found["peak_mib"]["together"] <= LIMIT_MIB,
    }


def run(work: Path, *, master: str, near_duplicates: bool) -> dict[str, Any]:
    """Ingest, then predict, in one session, watched."""
    from overread.bundle.predict import predict
    from overread.cohort import IngestSettings, ingest
    from overread.engine import open_engine

    found: dict[str, Any] = {}
    with MemoryWatch() as watch:
        begun = time.perf_counter()
        with open_engine("spark", master=master) as engine:
            found["session_seconds"] = time.perf_counter() - begun
            settings = IngestSettings(layout="nih", near_duplicates=near_duplicates)
            start, spent = time.perf_counter(), cpu_seconds()
            card = ingest(work / "source", work / "cohort", settings=settings, engine=engine).card
            counts = {"found": card.found, "read": card.images, "rejected": card.rejected}
            found["ingest"] = counts | _pace(counts["found"], start, spent) | {"ends": watch.samples[-1][0]}
            start, spent = time.perf_counter(), cpu_seconds()
            said = predict(
                work / "bundle", [work / "cohort", work / "later"], work / "out.parquet", engine=engine
            )
            counts = {"found": said.found, "read": said.read, "rejected": said.rejected}
            found["predict"] = counts | _pace(counts["found"], start, spent) | {"ends": watch.samples[-1][0]}
    ids = pq.read_table(work / "out.parquet", columns=["image_id"])["image_id"]
    found["distinct_readings"] = pc.count_distinct(ids).as_py()
    found["peak_mib"] = watch.peak()
    stride = max(1, len(watch.samples) // 400)
    found["memory"] = [{"seconds": at, **held} for at, held in watch.samples[::stride]]
    return found


def _pace(images: int, start: float, spent: float) -> dict[str, float]:
    seconds, cpu = time.perf_counter() - start, cpu_seconds() - spent
    return {
        "seconds": seconds,
        "images_per_second": images / seconds,
        "cpu_ms_per_image": 1000 * cpu / images,
    }


def make_bundle(work: Path, *, side: int) -> None:
    """A reader of a few findings, random weights and a fitted head: what it answers is of no interest."""
    from overread.cohort import IngestSettings, ingest
    from overread.engine import LocalEngine
    from overread.study.build import train
    from overread.training import ReaderSettings

    settings = IngestSettings(layout="nih", classes=FINDINGS, near_duplicates=False)
    engine = LocalEngine(1)
    cohort = ingest(work / "small", work / "small-cohort", settings=settings, engine=engine)
    reader = ReaderSettings(weights="none", phases=("head",), image_size=side, folds=2)
    train(cohort, work / "bundle", reader=reader, engine=engine)


def table_rows(count: int) -> tuple[list[str], list[list[str]]]:
    """The header and the first so many rows of the official table, or of a generated one."""
    packed = SHARED / "data" / "nih" / f"{TABLE}.gz"
    if packed.is_file():
        with gzip.open(packed, "rt", encoding="utf-8", newline="") as lines:
            reader = csv.reader(lines)
            header = next(reader)
            return header, [row for row, _ in zip(reader, range(count), strict=False)]
    header = ["Image Index", "Finding Labels", "Patient ID", "Patient Age", "Patient Gender", "View Position"]
    rng = np.random.default_rng(0)
    rows = []
    for at in range(count):
        has = "|".join(name for name in FINDINGS if rng.random() < 0.3) or "No Finding"
        person = f"{at // 3 + 1}"
        rows.append([f"{int(person):08d}_{at % 3:03d}.png", has, person, "50", "FM"[at % 2], "PA"])
    return header, rows


def make_source(folder: Path, header: list[str], rows: list[list[str]], *, side: int) -> dict[str, int]:
    """Table, split lists and images, as the set is given out; how many there are, and how many no good."""
    (folder / "images").mkdir(parents=True)
    with (folder / TABLE).open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    for name in LISTS:
        packed = SHARED / "data" / "nih" / f"{name}.txt.gz"
        if packed.is_file():
            shutil.copyfile(packed, folder / packed.name)
    damaged = 0
    for at, row in enumerate(rows):
        how = DAMAGE[at // _EVERY % len(DAMAGE)] if at % _EVERY == _EVERY - 1 else None
        damaged += how is not None
        content = damage(picture(row[0], side=side), how)
        if content is not None:
            (folder / "images" / row[0]).write_bytes(content)
    return {"files": len(rows), "damaged": damaged}


def make_later(folder: Path, count: int, *, side: int) -> dict[str, int]:
    """Images without a table; every fifth cannot be read."""
    folder.mkdir()
    damaged = 0
    for at in range(count):
        how = DAMAGE[at // 5 % 3] if at % 5 == 4 else None
        damaged += how is not None
        content = damage(picture(f"later {at}", side=side), how)
        (folder / f"later_{at:06d}.png").write_bytes(content or b"")
    return {"files": count, "damaged": damaged}


def picture(name: str, *, side: int) -> bytes:
    """A grey PNG of its own for every name: smooth clouds of light, no two alike."""
    from PIL import Image

    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8), np.uint8)
    held = io.BytesIO()
    # Level 1: a hundred thousand files are to be made in a minute.
    Image.fromarray(coarse).resize((side, side), Image.Resampling.BILINEAR).save(
        held, "png", compress_level=1
    )
    return held.getvalue()


def damage(content: bytes, how: str | None) -> bytes | None:
    """What is left of a file; None: nothing, not even its name."""
    if how is None:
        return content
    return {"cut short": content[: len(content) // 2], "empty": b"", "no image": b"page not found"}.get(how)


def show(found: dict[str, Any]) -> None:
    """For a person."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=110, highlight=False)
    console.print(
        f"{found['rows']:,} rows of NIH ChestX-ray14, images of {found['side']} px, {found['master']}"
    )
    table = Table(box=None, pad_edge=False)
    for name in ("step", "found", "read", "rejected", "seconds", "images/s", "CPU ms/image"):
        table.add_column(name, justify="left" if name == "step" else "right")
    for name in ("ingest", "predict"):
        one = found[name]
        counts = (f"{one[key]:,}" for key in ("found", "read", "rejected"))
        pace = (f"{one['seconds']:.0f}", f"{one['images_per_second']:,.0f}", f"{one['cpu_ms_per_image']:.2f}")
        table.add_row(name, *counts, *pace)
    console.print(table)
    peak = found["peak_mib"]
    console.print(
        f"peak memory {peak['together']:,.0f} MiB together (driver {peak['driver']:,.0f}, Java "
        f"{peak['java']:,.0f}, workers {peak['workers']:,.0f}, each at its own peak), at most {LIMIT_MIB:,}: "
        f"{'met' if found['within_limit'] else 'MISSED'}"
    )
    console.print(f"found = read + rejected, as made: {'yes' if found['reconciles'] else 'NO'}")


def plot(found: dict[str, Any], path: Path) -> None:
    """Memory over time, kind by kind."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=(7, 3.4), layout="constrained")
    at = [one["seconds"] for one in found["memory"]]
    kinds = {"driver": "driver", "java": "Java machine", "workers": "Python workers"}
    axis.stackplot(
        at, [[one[kind] for one in found["memory"]] for kind in kinds], labels=list(kinds.values())
    )
    for name in ("ingest", "predict"):
        axis.axvline(found[name]["ends"], color="0.3", linewidth=0.8)
        axis.annotate(
            f"{name} ends ", (found[name]["ends"], axis.get_ylim()[1]), ha="right", va="top", fontsize=8
        )
    axis.set(xlabel="seconds", ylabel="MiB", title=f"{found['rows']:,} rows on {found['master']}")
    figure.legend(loc="outside right center", frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--side", type=int, default=64, help="pixels of a side")
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--no-near-duplicates", action="store_true", help="leave the quadratic search out")
    parser.add_argument("--folder", type=Path, help="for temporary files")
    parser.add_argument("--plot", type=Path, help="PNG to write: memory over time")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--step", choices=("bundle", "run"), help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
