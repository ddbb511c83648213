"""One epoch of fine-tuning a whole network: ours beside plain and tuned PyTorch, and Keras.

Equal work: the same JPEG files, network, input size and batch size; batch normalisation keeps its statistics
(but in the untuned row), gradients are clipped, AdamW steps, and the images of `tune` are looked at after
each epoch. Ours also writes a checkpoint, histograms and scalars. The first epoch decodes and resizes, later
ones find pixels (not in the untuned row). Times are shown and never judged.
"""

from __future__ import annotations

import argparse
import os
import statistics
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from runner import TUNED_ENVIRONMENT, Peers, add_common_arguments, contend, default_weights, prepare_images
from told import measure_and_tell

CONTENDERS: dict[str, str] = {
    "ours": "Overread",
    "tuned": "PyTorch, tuned",
    "train-tensorflow": "Keras on TensorFlow, tuned",
    "train-keras-torch": "Keras on torch",
    "plain": "PyTorch, untuned",
}
PEERS = {"train-tensorflow": ("tensorflow", "keras"), "train-keras-torch": ("keras", "torch", "torchvision")}
TUNED = ("tuned", *PEERS)


def main() -> None:
    asked = _arguments()
    measure_and_tell(asked, measure, show)


def measure(asked: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Everything that the table shows."""
    source = prepare_images(asked.images, asked.count + asked.tune_count, work)
    peers = Peers.find(asked)
    options = {
        "count": asked.count,
        "image_size": asked.image_size,
        "batch": asked.batch,
        "epochs": asked.epochs,
        "backbone": asked.backbone,
        "weights": asked.weights or default_weights(asked.backbone),
        "augmented": asked.augment,
    }
    lacking = {name: why for name, needs in PEERS.items() if (why := peers.lack(*needs))}
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTENDERS if name not in lacking}
    tuning: dict[str, Any] = {}
    for repeat in range(asked.repeats):
        for name in list(runs)[:: 1 if repeat % 2 == 0 else -1]:
            script, python = ("peers.py", peers.python) if name in PEERS else ("epochs.py", None)
            said = {**options, "tuning": tuning.get(name)}
            found = contend(script, work, name, said, tuned=name in TUNED, python=python)
            runs[name].append(found)
            if found["tuning"]:  # searched once
                tuning[name] = found["tuning"]
            if not asked.json:
                Console(stderr=True).print(f"[dim]{repeat + 1}/{asked.repeats} {CONTENDERS[name]}[/]")
    images = asked.count + asked.tune_count
    figures = {name: summary(found, images=images) for name, found in runs.items()}
    best = max((name for name in TUNED if name in figures), key=lambda name: _rate(figures, name))
    others = [*(name for name in figures if name != "ours"), "best tuned peer"]
    named = {**figures, "best tuned peer": figures[best]}
    return {
        "images": {"source": source, "train": asked.count, "tune": asked.tune_count},
        **options,
        "repeats": asked.repeats,
        "cores": len(os.sched_getaffinity(0)),
        "tuning": {**tuning, "environment": TUNED_ENVIRONMENT},
        "contenders": figures,
        "not_measured": lacking,
        "best_tuned_peer": best,
        "ratios": {f"ours / {other}": _rate(named, "ours") / _rate(named, other) for other in others},
        "cpu_ratios": {f"ours / {other}": _cpu(named, other) / _cpu(named, "ours") for other in others},
    }


def summary(runs: list[dict[str, Any]], *, images: int) -> dict[str, Any]:
    """Of the first epoch and of later ones, over all repeats: images seen a second and their CPU time."""
    parts = {
        "first": [run["epochs"][0] for run in runs],
        "later": [epoch for run in runs for epoch in run["epochs"][1:]],
    }
    return {
        **{
            part: {
                "images_per_second": statistics.median(images / epoch["seconds"] for epoch in epochs),
                "lowest": min(images / epoch["seconds"] for epoch in epochs),
                "highest": max(images / epoch["seconds"] for epoch in epochs),
                "cpu_ms_per_image": statistics.median(
                    1000 * epoch["cpu_seconds"] / images for epoch in epochs
                ),
            }
            for part, epochs in parts.items()
        },
        "peak_mib": max(run["peak_mib"] for run in runs),
    }


def _rate(figures: dict[str, dict[str, Any]], name: str) -> float:
    return float(figures[name]["later"]["images_per_second"])


def _cpu(figures: dict[str, dict[str, Any]], name: str) -> float:
    return float(figures[name]["later"]["cpu_ms_per_image"])


def show(found: dict[str, Any]) -> None:
    """The table for a person."""
    console = Console(width=110, highlight=False)
    console.print(
        f"{found['images']['train']} images to learn from and {found['images']['tune']} to watch, from "
        f"{found['images']['source']}; {found['backbone']} at {found['image_size']} px, batches of "
        f"{found['batch']}, {'with' if found['augmented'] else 'without'} augmentation, "
        f"{found['cores']} cores, {found['repeats']} repeats"
    )
    table = Table(box=None, pad_edge=False)
    table.add_column("fine-tuning the whole network")
    for name in (
        "first epoch, images/s",
        "later",
        "range",
        "CPU ms/image",
        "peak MiB",
        "ours is × faster",
        "by CPU",
    ):
        table.add_column(name, justify="right")
    for name, shown in CONTENDERS.items():
        if name in found["not_measured"]:
            table.add_row(shown, "not measured", found["not_measured"][name])
            continue
        said = found["contenders"][name]
        ratios = [found[kind].get(f"ours / {name}", 1.0) for kind in ("ratios", "cpu_ratios")]
        table.add_row(
            shown,
            f"{said['first']['images_per_second']:.1f}",
            f"{said['later']['images_per_second']:.1f}",
            f"{said['later']['lowest']:.1f} to {said['later']['highest']:.1f}",
            f"{said['later']['cpu_ms_per_image']:.1f}",
            f"{said['peak_mib']:.0f}",
            *(f"{ratio:.2f}" for ratio in ratios),
        )
    console.print(table)
    for name, said in found["tuning"].items():
        console.print(f"{CONTENDERS.get(name, name)}: {said}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_arguments(parser)
    parser.add_argument("--count", type=int, default=160, help="images to learn from an epoch")
    parser.add_argument("--tune-count", type=int, default=32, help="images to look at after each epoch")
    parser.add_argument("--batch", type=int, default=16, help="images a step")
    parser.add_argument("--epochs", type=int, default=3, help="the first is told apart")
    parser.add_argument("--augment", action="store_true", help="turn, zoom and recolour while learning")
    parser.add_argument("--repeats", type=int, default=2)
    asked = parser.parse_args()
    if min(asked.count, asked.tune_count, asked.repeats) < 1 or asked.epochs < 2 or asked.batch < 2:
        parser.error("expected images, at least 1 repeat, at least 2 epochs and batches of at least 2")
    return asked


if __name__ == "__main__":
    main()
