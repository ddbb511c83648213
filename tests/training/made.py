"""Small networks, pixels and cohorts for the training tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from overread.cohort import Cohort, IngestSettings, SplitShares, ingest
from overread.engine import LocalEngine
from overread.imaging.augment import Augmentation
from overread.training.backbones import Backbone, open_backbone
from overread.training.batches import Pixels
from overread.training.fine_tune import FineTuned, fine_tune
from overread.training.imbalance import Imbalance
from overread.training.network import LinearHead, ReaderNetwork
from overread.training.recipe import Recipe, recipe_for
from overread.training.settings import FineTuneSettings
from overread.training.weights import OpenedWeights

SIZE = 32
MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
FULL: dict[str, Any] = {
    "ema": 0.9,
    "mix": "both",
    "label_smoothing": 0.1,
    "freeze_batch_norm": "no",
    "augmentation": Augmentation("dermoscopy", 2.0, 1.0),
}
"""All that training from random weights may do."""


class TinyNet(nn.Module):
    """Two strided convolutions with the face of a timm network: quick to export."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 6, 3, 2, 1), nn.Conv2d(6, 8, 3, 2, 1)
        self.norm = nn.BatchNorm2d(6)
        self.feature_info = [{"num_chs": 6}, {"num_chs": 8}]

    def forward_intermediates(self, images: torch.Tensor, **_: Any) -> list[torch.Tensor]:
        first = self.norm(self.first(images)).relu()
        return [first, self.second(first).relu()]


def tiny_backbone() -> Backbone:
    torch.manual_seed(4)
    return Backbone(TinyNet(), image_size=SIZE).eval()


def backbone(name: str = "test_efficientnet", *, size: int = SIZE, taps: Any = "stages") -> Backbone:
    return open_backbone(OpenedWeights(name, None, {}), image_size=size, taps=taps, seed=0).module


def reader(name: str = "test_efficientnet", *, outputs: int = 1, taps: Any = "stages") -> ReaderNetwork:
    module = backbone(name, taps=taps)
    rng = np.random.default_rng(0)
    head = LinearHead(rng.normal(0, 0.1, (outputs, module.channels)), np.zeros(outputs))
    return ReaderNetwork(module, head).eval()


def pixels(count: int = 20, *, seed: int = 0, classes: int = 1) -> Pixels:
    """Images whose first class is brightness."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 2, (count, classes)).astype(np.float32)
    targets[:2, 0] = 0, 1
    images = rng.integers(0, 160, (count, SIZE, SIZE, 3)) + (60 * targets[:, :1, None, None]).astype(int)
    return Pixels(images.astype(np.uint8), targets, np.arange(count))


def contrary(part: Pixels) -> Pixels:
    """The same images with the opposite targets: the more is learned, the worse their loss."""
    return Pixels(part.images, 1 - part.targets, part.rows)


def run_fine_tune(network: ReaderNetwork, out: Path, **changes: Any) -> FineTuned:
    """A fine-tuning of three short epochs, or with other settings."""
    settings = {"epochs": 3, "patience": 5, "batch_size": 8, "learning_rate": 1e-3}
    given: dict[str, Any] = {
        "task": "binary",
        "mean": MEAN,
        "std": STD,
        "imbalance": Imbalance(),
        "augmentation": None,
        "seed": 3,
        "key": "k",
        "train": pixels(20),
        "tune": pixels(10, seed=1),
        **{name: value for name, value in changes.items() if name not in FineTuneSettings.model_fields},
    }
    settings |= {name: value for name, value in changes.items() if name in FineTuneSettings.model_fields}
    train, tune = given.pop("train"), given.pop("tune")
    return fine_tune(network, train, tune, settings=recipe(**settings), out=out, **given)


def recipe(**settings: Any) -> Recipe:
    """The gentle recipe, or with other settings."""
    return recipe_for(FineTuneSettings.model_validate(settings), pretrained=True)


def same_weights(first: nn.Module, second: nn.Module) -> bool:
    one, other = first.state_dict(), second.state_dict()
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def write_images(source: Path, counts: dict[str, int], *, size: int = 40) -> Path:
    """`source/CLASS/NNN.png`; a class differs from the next in brightness, with overlap."""
    for shift, (name, count) in enumerate(counts.items()):
        (source / name).mkdir(parents=True, exist_ok=True)
        for at in range(count):
            rng = np.random.default_rng((shift, at))
            level = 90 + 25 * shift + rng.normal(0, 20)
            image: NDArray[np.uint8] = np.clip(rng.normal(level, 30, (size, size, 3)), 0, 255).astype(
                np.uint8
            )
            Image.fromarray(image).save(source / name / f"{at:03d}.png")
    return source


def small_cohort(folder: Path, counts: dict[str, int] | None = None, **settings: Any) -> Cohort:
    source = write_images(folder / "source", counts or {"benign": 18, "malignant": 18})
    settings.setdefault("split", SplitShares(train=0.5, tune=0.3, test=0.2))
    return ingest(
        source, folder / "cohort", settings=IngestSettings(**settings), engine=LocalEngine(workers=1)
    )
