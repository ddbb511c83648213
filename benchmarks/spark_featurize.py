"""Images per second from JPEG files to features on Spark: ours beside one machine, and beside the usual way.

Same images, same backbone, same weights; every contender in a process of its own; the order turns with each
repeat; medians over repeats. CPU time is that of driver, Java machine and Python workers together. The clock
starts once the Java machine and the workers are warm; what starting takes is a column of its own. Times are
shown and never judged by a test: on a shared machine only ratios within one run mean something, and those of
CPU time more than those of rates.
"""

from __future__ import annotations

import argparse
import os
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from featurize import deviation
from rich.console import Console
from rich.table import Table
from runner import TUNED_ENVIRONMENT, add_image_arguments, contend, default_weights, prepare_images
from timing import FIRST, WARM
from told import measure_and_tell

CONTENDERS: dict[str, str] = {
    "spark-2": "Overread on Spark, local[2]",
    "spark-1": "Overread on Spark, local[1]",
    "local-2": "Overread, 2 workers",
    "local-1": "Overread, 1 worker",
    "usual-tuned": "pandas UDF, tuned, local[2]",
    "usual-plain": "pandas UDF, as published, local[2]",
}
GOALS: dict[str, tuple[str, float, str]] = {
    "CPU per image of local[1] over that of one worker": ("cpu spark-1 / local-1", 1.05, "at most"),
    "CPU per image of local[2] over that of two workers": ("cpu spark-2 / local-2", 1.05, "at most"),
    "local[2] over two workers": ("spark-2 / local-2", 0.9, "at least"),
    "local[2] over the usual way, tuned": ("spark-2 / usual-tuned", 2.5, "at least"),
    "local[2] over the usual way, as published": ("spark-2 / usual-plain", 4.0, "at least"),
    "the usual way, tuned, over local[2] by CPU": ("cpu usual-tuned / spark-2", 2.5, "at least"),
    "the usual way, as published, over local[2] by CPU": ("cpu usual-plain / spark-2", 4.0, "at least"),
}
"""What each goal is about, which ratio it is, and its bound."""


def main() -> None:
    asked = _arguments()
    measure_and_tell(asked, measure, show, below=asked.folder)


def measure(asked: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Everything that the table shows."""
    source = prepare_images(asked.images, asked.count, work)
    warm = pq.read_table(work / "images.parquet").slice(0, WARM)
    pq.write_table(warm, work / "warm.parquet", row_group_size=16, compression="none")
    options = {"count": asked.count, "image_size": asked.image_size, "backbone": asked.backbone, "cores": 2}
    weights = asked.weights or default_weights(asked.backbone)
    network = contend("contenders.py", work, "export", {**options, "weights": weights})
    tuning: dict[str, Any] | None = None
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTENDERS}
    for repeat in range(asked.repeats):
        for name in list(runs)[:: 1 if repeat % 2 == 0 else -1]:
            tuned = name == "usual-tuned"
            said = {**options, "tuning": tuning} if tuned else options
            runs[name].append(contend("spark_contenders.py", work, name, said, tuned=tuned))
            if tuned:  # searched once
                tuning = runs[name][-1]["tuning"]
            if not asked.json:
                one = runs[name][-1]
                Console(stderr=True).print(
                    f"[dim]{repeat + 1}/{asked.repeats} {CONTENDERS[name]}: {one['images_per_second']:.1f} "
                    f"images/s, {one['cpu_ms_per_image']:.2f} CPU ms[/]",
                    highlight=False,
                )
    figures = {name: summary(found) for name, found in runs.items()}
    ratios = ratios_of(figures)
    return {
        "images": {"source": source, "count": asked.count, "warm": min(WARM, asked.count)},
        "network": network,
        "repeats": asked.repeats,
        "cores": len(os.sched_getaffinity(0)),
        "tuning": {"usual-tuned": tuning, "environment": TUNED_ENVIRONMENT},
        "contenders": figures,
        "ratios": ratios,
        "goals": goals_of(ratios),
        "deviation": {
            other: deviation(np.load(work / "spark-2.npy"), np.load(work / f"{other}.npy"))
            for other in CONTENDERS
            if other != "spark-2"
        },
    }


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians over repeats, and the range of the rate."""
    rates = [run["images_per_second"] for run in runs]
    sessions = [run["session_seconds"] for run in runs if run["session_seconds"] is not None]
    return {
        "images_per_second": statistics.median(rates),
        "lowest": min(rates),
        "highest": max(rates),
        "cpu_ms_per_image": statistics.median(run["cpu_ms_per_image"] for run in runs),
        "session_seconds": statistics.median(sessions) if sessions else None,
        "short_job_seconds": statistics.median(run["start_seconds"] for run in runs),
    }


def ratios_of(figures: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Every contender over every other, by rate and, with "cpu " in front, by CPU time an image."""
    found: dict[str, float] = {}
    for one in figures:
        for other in figures:
            if one != other:
                pair = f"{one} / {other}"
                found[pair] = figures[one]["images_per_second"] / figures[other]["images_per_second"]
                found[f"cpu {pair}"] = figures[one]["cpu_ms_per_image"] / figures[other]["cpu_ms_per_image"]
    return found


def goals_of(ratios: dict[str, float]) -> dict[str, dict[str, Any]]:
    """What was wanted, what came, and whether that is enough."""
    return {
        what: {
            "value": ratios[ratio],
            "goal": f"{side} {bound:g}",
            "met": ratios[ratio] <= bound if side == "at most" else ratios[ratio] >= bound,
        }
        for what, (ratio, bound, side) in GOALS.items()
    }


def show(found: dict[str, Any]) -> None:
    """The table for a person."""
    network, figures = found["network"], found["contenders"]
    console = Console(width=110, highlight=False)
    console.print(
        f"{found['images']['count']} images from {found['images']['source']}, {network['backbone']} at "
        f"{network['size']} px, {found['cores']} cores, {found['repeats']} repeats"
    )
    table = Table(box=None, pad_edge=False)
    for name in ("from JPEG to features", "images/s", "range", "CPU ms/image", "session s", "2 images s"):
        table.add_column(name, justify="left" if name.startswith("from") else "right")
    for name, shown in CONTENDERS.items():
        said = figures[name]
        session = said["session_seconds"]
        table.add_row(
            shown,
            f"{said['images_per_second']:.1f}",
            f"{said['lowest']:.1f} to {said['highest']:.1f}",
            f"{said['cpu_ms_per_image']:.2f}",
            "" if session is None else f"{session:.1f}",
            f"{said['short_job_seconds']:.2f}",
        )
    console.print(table)
    for what, goal in found["goals"].items():
        console.print(f"{what}: {goal['value']:.3f}, {goal['goal']}: {'met' if goal['met'] else 'MISSED'}")
    console.print(
        f"pandas UDF, tuned: {found['tuning']['usual-tuned']}, channels_last, inference_mode, torchvision's "
        "JPEG decoder and uint8 resize, glibc keeps its memory, Spark set up as ours is."
    )
    for other, gap in found["deviation"].items():
        console.print(
            f"features of local[2] against {other}: largest |Δ| {gap['largest']:.2g}, "
            f"lowest cosine {gap['lowest_cosine']:.6f}"
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_image_arguments(parser)
    parser.add_argument("--count", type=int, default=1000, help="images a pass; a smaller folder is repeated")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="for temporary files")
    asked = parser.parse_args()
    if asked.count <= FIRST or asked.repeats < 1:
        parser.error(f"expected --count above {FIRST} and --repeats of at least 1")
    return asked


if __name__ == "__main__":
    main()
