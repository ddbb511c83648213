"""Images per second from JPEG files to features: ours beside tuned PyTorch, TensorFlow and Keras.

Same images and input size, same architecture, and for PyTorch the same weights; every contender in a process
of its own; the order turns with each repeat; medians over repeats. Times are shown and never judged: on a
shared machine only ratios within one run mean something, and those of CPU time more than those of rates.
"""

from __future__ import annotations

import argparse
import os
import statistics
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from runner import TUNED_ENVIRONMENT, Peers, add_common_arguments, contend, default_weights, prepare_images
from timing import FIRST
from told import measure_and_tell

CONTENDERS: dict[str, str] = {
    "ours-2": "Overread, 2 workers",
    "ours-1": "Overread, 1 worker",
    "tuned": "PyTorch, tuned",
    "tensorflow": "TensorFlow and tf.data, tuned",
    "keras-torch": "Keras on torch, tuned",
    "plain": "PyTorch, untuned",
    "ceiling": "network alone, 2 processes",
}
PEERS = {"tensorflow": ("tensorflow", "keras"), "keras-torch": ("keras", "torch", "torchvision")}
TUNED = ("tuned", *PEERS)


def main() -> None:
    asked = _arguments()
    measure_and_tell(asked, measure, show)


def measure(asked: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Everything that the table shows."""
    source = prepare_images(asked.images, asked.count, work)
    peers = Peers.find(asked)
    options = {"count": asked.count, "image_size": asked.image_size, "backbone": asked.backbone}
    weights = asked.weights or default_weights(asked.backbone)
    network = contend("contenders.py", work, "export", {**options, "weights": weights})
    tuning = {"tuned": contend("contenders.py", work, "tune", options, tuned=True)}
    extra: dict[str, dict[str, Any]] = {
        "ours-2": {"workers": 2},
        "ours-1": {"workers": 1},
        "tuned": tuning["tuned"],
        "ceiling": {"workers": 2},
    }
    lacking = {name: why for name, needs in PEERS.items() if (why := peers.lack(*needs))}
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTENDERS if name not in lacking}
    for repeat in range(asked.repeats):
        for name in list(runs)[:: 1 if repeat % 2 == 0 else -1]:
            script, python = ("peers.py", peers.python) if name in PEERS else ("contenders.py", None)
            said = {**options, **extra.get(name, {})}
            found = contend(script, work, name, said, tuned=name in TUNED, python=python)
            runs[name].append(found)
            if name in PEERS:  # searched once
                tuning[name] = extra.setdefault(name, {})["tuning"] = found["tuning"]
            if not asked.json:
                Console(stderr=True).print(f"[dim]{repeat + 1}/{asked.repeats} {CONTENDERS[name]}[/]")
    figures = {name: summary(found) for name, found in runs.items()}
    best = max((name for name in TUNED if name in figures), key=lambda name: _rate(figures, name))
    pairs = [("ours-2", "best tuned peer"), ("ours-2", "ceiling")]
    pairs += [(one, other) for one in ("ours-2", "ours-1") for other in (*TUNED, "plain") if other in figures]
    named = {**figures, "best tuned peer": figures[best]}
    return {
        "images": {"source": source, "count": asked.count},
        "network": network,
        "repeats": asked.repeats,
        "cores": len(os.sched_getaffinity(0)),
        "tuning": {**tuning, "environment": TUNED_ENVIRONMENT},
        "contenders": figures,
        "not_measured": lacking,
        "best_tuned_peer": best,
        "ratios": {f"{one} / {other}": _rate(named, one) / _rate(named, other) for one, other in pairs},
        "cpu_ratios": {f"{one} / {other}": _cpu(named, other) / _cpu(named, one) for one, other in pairs},
        "deviation": {
            other: deviation(np.load(work / "ours-2.npy"), np.load(work / f"{other}.npy"))
            for other in ("ours-1", "plain", "tuned")
        },
    }


def _rate(figures: dict[str, dict[str, Any]], name: str) -> float:
    return float(figures[name]["images_per_second"])


def _cpu(figures: dict[str, dict[str, Any]], name: str) -> float:
    return float(figures[name]["cpu_ms_per_image"])


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
    network, tuning, figures = found["network"], found["tuning"], found["contenders"]
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
        ("× best tuned", "right"),
        ("by CPU", "right"),
    ):
        table.add_column(name, justify=side)
    best = found["best_tuned_peer"]
    for name, shown in CONTENDERS.items():
        if name in found["not_measured"]:
            table.add_row(shown, "not measured", found["not_measured"][name])
            continue
        said = figures[name]
        table.add_row(
            shown,
            f"{_rate(figures, name):.1f}",
            f"{said['lowest']:.1f} to {said['highest']:.1f}",
            f"{_cpu(figures, name):.1f}",
            "" if said["start_seconds"] is None else f"{said['start_seconds']:.1f}",
            f"{_rate(figures, name) / _rate(figures, best):.2f}",
            f"{_cpu(figures, best) / _cpu(figures, name):.2f}",
        )
    console.print(table)
    said = tuning["tuned"]
    console.print(
        f"PyTorch: DataLoader, torchvision, timm. Tuned: batch {said['batch']}, {said['loader_workers']} "
        f"loader workers, {said['threads']} threads, channels_last, inference_mode, torchvision's JPEG "
        "decoder and uint8 resize, glibc keeps its memory. Network alone: onnxruntime, 1 thread a process."
    )
    for name in PEERS:
        if name in tuning:
            console.print(f"{CONTENDERS[name]}: {tuning[name]}; the same architecture, other weights.")
    console.print(
        f"Overread does {100 * found['ratios']['ours-2 / ceiling']:.0f} % of what the network alone would "
        f"({100 * found['cpu_ratios']['ours-2 / ceiling']:.0f} % by CPU time)."
    )
    for other, gap in found["deviation"].items():
        console.print(
            f"features of ours-2 against {other}: largest |Δ| {gap['largest']:.2g}, mean {gap['mean']:.2g} "
            f"(mean feature {gap['mean_feature']:.2g}), lowest cosine {gap['lowest_cosine']:.6f}"
        )
    console.print("Both resize with an antialiased filter; pixels differ by at most one grey level.")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_arguments(parser)
    parser.add_argument("--count", type=int, default=512, help="images a pass; a smaller folder is repeated")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    if asked.count <= FIRST or asked.repeats < 1:
        parser.error(f"expected --count above {FIRST} and --repeats of at least 1")
    return asked


if __name__ == "__main__":
    main()
