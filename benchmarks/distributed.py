"""Fine-tuning in one process and in several that share every batch: speed, and the loss of each epoch.

All train the same network from the same weights on the same made images in the same order, in batches that
are together of the same size. One process has as many threads as all processes together, or one. The third
way is that of Spark in local mode: its `TorchDistributor` starts the processes (`--spark`). Images a second
are those of the epochs after the first, in which everything is started; the time between two epochs is read
from TensorBoard's file, so that looking at `tune`, checkpoint and histograms are in it. Times are shown and
never judged.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from told import tell


def main() -> None:
    asked = _arguments()
    found = measure(asked)
    tell(found, show, as_json=asked.json)


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Everything that the table shows."""
    many = asked.processes
    ways: dict[str, dict[str, Any]] = {
        "1 process, 1 thread": {"processes": 1, "threads": 1},
        f"1 process, {many} threads": {"processes": 1, "threads": many},
        f"{many} processes": {"processes": many, "threads": many},
    }
    if asked.spark:
        ways[f"{many} processes, TorchDistributor"] = {"processes": many, "threads": many, "spark": True}
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in ways}
    for repeat in range(asked.repeats):
        for name in list(ways)[:: 1 if repeat % 2 == 0 else -1]:
            runs[name].append(trained(asked, **ways[name]))
            if not asked.json:
                Console(stderr=True).print(f"[dim]{repeat + 1}/{asked.repeats} {name}[/]")
    first = runs["1 process, 1 thread"][0]["losses"]
    return {
        **{name: getattr(asked, name) for name in ("count", "tune_count", "batch", "epochs", "backbone")},
        "image_size": asked.image_size,
        "batch_norm": asked.batch_norm,
        "repeats": asked.repeats,
        "cores": len(os.sched_getaffinity(0)),
        "contenders": {
            name: {
                **rates([seconds for run in found for seconds in run["epoch_seconds"]], asked.count),
                "seconds": statistics.median(run["seconds"] for run in found),
                "losses": found[0]["losses"],
                "apart": float(np.abs(np.subtract(found[0]["losses"], first)).max()),
            }
            for name, found in runs.items()
        },
    }


def rates(seconds: list[float], images: int) -> dict[str, float]:
    """Images of train a second, over epochs."""
    return {
        "images_per_second": images / statistics.median(seconds),
        "lowest": images / max(seconds),
        "highest": images / min(seconds),
    }


def trained(
    asked: argparse.Namespace, *, processes: int, threads: int, spark: bool = False
) -> dict[str, Any]:
    """One training: the seconds of each epoch after the first, and all losses."""
    import torch

    from overread.training.backbones import open_backbone
    from overread.training.batches import Pixels
    from overread.training.fine_tune import fine_tune
    from overread.training.imbalance import Imbalance
    from overread.training.network import LinearHead, ReaderNetwork
    from overread.training.recipe import recipe_for
    from overread.training.settings import FineTuneSettings
    from overread.training.weights import find_weights

    torch.set_num_threads(threads)
    backbone = open_backbone(
        find_weights(asked.backbone, "none"), image_size=asked.image_size, taps="last", seed=0
    )
    head = np.random.default_rng(0).normal(0, 0.01, (1, backbone.module.channels))
    said = FineTuneSettings(
        epochs=asked.epochs,
        patience=asked.epochs,
        batch_size=asked.batch,
        learning_rate=3e-4,
        freeze_batch_norm="yes" if asked.batch_norm == "frozen" else "no",
        processes=processes,
    )
    images, targets = made_images(asked.count + asked.tune_count, asked.image_size)
    rows = np.arange(len(images))
    with tempfile.TemporaryDirectory(prefix="overread-bench-") as folder, _engine(spark) as engine:
        begun = time.perf_counter()
        tuned = fine_tune(
            ReaderNetwork(backbone.module, LinearHead(head, np.zeros(1))),
            Pixels(images, targets, rows[: asked.count]),
            Pixels(images, targets, rows[asked.count :]),
            task="binary",
            mean=backbone.mean,
            std=backbone.std,
            imbalance=Imbalance("none"),
            augmentation=None,
            settings=recipe_for(said, pretrained=True),
            seed=0,
            key="benchmark",
            out=Path(folder),
            engine=engine,
        )
        seconds = time.perf_counter() - begun
        ends = _ends_of_epochs(Path(folder))
    return {
        "seconds": seconds,
        "epoch_seconds": np.diff(ends).tolist(),
        "losses": [[row["train_loss"], row["tune_loss"]] for row in tuned.history],
    }


def made_images(count: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise, `uint8 [count, side, side, 3]`, in half of which there is a brighter disc; and which half."""
    rng = np.random.default_rng(0)
    targets = (np.arange(count) % 2).astype(np.float32)[:, None]
    images = rng.integers(0, 200, (count, side, side, 3))
    down, along = np.mgrid[:side, :side] / side
    for image in images[1::2]:
        y, x = rng.uniform(0.25, 0.75, 2)
        image[(down - y) ** 2 + (along - x) ** 2 < 0.02] += 40
    return images.astype(np.uint8), targets


@contextmanager
def _engine(spark: bool) -> Iterator[Any]:
    from overread.engine import open_engine

    if spark:
        with open_engine("spark", workers=2, conf={"spark.driver.memory": "512m"}) as engine:
            yield engine
    else:
        yield None


def _ends_of_epochs(out: Path) -> list[float]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (folder,) = out.glob("*/tensorboard")
    events = EventAccumulator(str(folder))
    events.Reload()
    return [event.wall_time for event in events.Scalars("tune_loss")]


def show(found: dict[str, Any]) -> None:
    """The table for a person."""
    console = Console(width=110, highlight=False)
    console.print(
        f"{found['count']} images to learn from and {found['tune_count']} to watch; {found['backbone']} at "
        f"{found['image_size']} px, batch normalisation {found['batch_norm']}, batches of {found['batch']}, "
        f"{found['cores']} cores, {found['repeats']} repeats"
    )
    table = Table(box=None, pad_edge=False)
    table.add_column("fine-tuning")
    for name in ("images/s", "range", "seconds in all", "loss of train", "of tune", "largest difference"):
        table.add_column(name, justify="right")
    for name, said in found["contenders"].items():
        table.add_row(
            name,
            f"{said['images_per_second']:.0f}",
            f"{said['lowest']:.0f} to {said['highest']:.0f}",
            f"{said['seconds']:.1f}",
            *(" ".join(f"{row[at]:.4f}" for row in said["losses"]) for at in (0, 1)),
            f"{said['apart']:.1e}",
        )
    console.print(table)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=192, help="images to learn from an epoch")
    parser.add_argument("--tune-count", type=int, default=32, help="images to look at after each epoch")
    parser.add_argument("--batch", type=int, default=32, help="images a step, of all processes together")
    parser.add_argument("--epochs", type=int, default=3, help="the first is not timed")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--backbone", default="mobilenetv2_100")
    parser.add_argument("--image-size", type=int, default=97)
    parser.add_argument("--batch-norm", choices=("learned", "frozen"), default="learned")
    parser.add_argument("--spark", action="store_true", help="also through TorchDistributor in local mode")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    asked = parser.parse_args()
    if min(asked.count, asked.tune_count, asked.repeats, asked.processes) < 1 or asked.epochs < 2:
        parser.error("expected images, processes, at least 1 repeat and at least 2 epochs")
    return asked


if __name__ == "__main__":
    main()
