"""What "auto" means in `[reader.fine_tune]`: gentle for pretrained weights, the full way for random ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from overread.errors import TrainingError
from overread.training.mix import Mix
from overread.training.settings import FineTuneSettings

SEEN_FROM_SCRATCH = 80_000
"""Images, counted each time that they are seen, after which random weights have learned most of it."""
FEWEST_EPOCHS, MOST_EPOCHS = 10, 60
SMALLEST_BATCH, LARGEST_BATCH = 16, 128


@dataclass(frozen=True)
class Recipe:
    """`FineTuneSettings` with every "auto" decided.

    Attributes:
        epochs: At most so many passes over train.
        patience: Epochs without a lower loss on tune before stopping.
        batch_size: Images a step.
        learning_rate: The scale of all rates; "find": a range test on train chooses it.
        layer_decay: Each block's rate as a share of the block above it.
        head_rate: The head's rate as a share.
        weight_decay: AdamW's.
        blocks: "all", or how many from the top are trained.
        freeze_batch_norm: "auto", "yes" or "no".
        mix: Whether images of a batch are blended or patches exchanged.
        label_smoothing: How far targets are drawn towards undecided, 0..0.5.
        ema: Decay of the running mean of weights; 0: the weights themselves.
        ensemble: Networks trained without one fold each.
        processes: That train together, each on its share of every batch.
        fresh_head: Whether the head begins with the classes' shares alone instead of the fitted head.
        strength: How far images are varied, see `Augmentation`.
        wear: How much images suffer, see `Augmentation`.
    """

    epochs: int
    patience: int
    batch_size: int
    learning_rate: float | Literal["find"]
    layer_decay: float
    head_rate: float
    weight_decay: float
    blocks: Literal["all"] | int
    freeze_batch_norm: Literal["auto", "yes", "no"]
    mix: Mix
    label_smoothing: float
    ema: float
    ensemble: int
    processes: int = 1
    fresh_head: bool = False
    strength: float = 1.0
    wear: float = 0.0


def recipe_for(settings: FineTuneSettings, *, pretrained: bool, images: int = 1000) -> Recipe:
    """Decide every "auto" of the settings.

    Pretrained weights only need to be moved a little. Random ones learn from nothing: many passes, a high
    rate that falls to zero, every layer alike, own batch statistics, and images varied strongly, since what a
    small cohort has in common by chance (how far a picture is zoomed in, its contrast) is learned first.

    Args:
        settings: Of the study.
        pretrained: Whether the backbone's weights were loaded.
        images: How many there are to learn from.

    Raises:
        TrainingError: There are more processes than images in a batch.
    """
    said = settings.model_dump()
    usual = _PRETRAINED if pretrained else _from_scratch(images)
    for name, value in usual.items():
        if said.get(name, "auto") == "auto":
            said[name] = value
    if not pretrained and settings.patience == "auto":
        said["patience"] = max(5, said["epochs"] // 2)
    if said["processes"] > said["batch_size"]:
        raise TrainingError(
            f"expected at most {said['batch_size']} processes, as many as a batch has images, got "
            f"{said['processes']}",
            where="reader.fine_tune.processes",
            todo="lower it, or set a larger batch_size",
        )
    return Recipe(**said)


_PRETRAINED: dict[str, Any] = {
    "epochs": 4,
    "patience": 2,
    "batch_size": 16,
    "learning_rate": 3e-5,
    "layer_decay": 0.8,
    "weight_decay": 0.01,
    "mix": "none",
    "label_smoothing": 0.0,
    "ema": 0.0,
    "ensemble": 1,
}


def _from_scratch(images: int) -> dict[str, Any]:
    batch = SMALLEST_BATCH
    while batch < LARGEST_BATCH and batch * 32 < images:
        batch *= 2
    epochs = min(max(round(SEEN_FROM_SCRATCH / max(images, 1)), FEWEST_EPOCHS), MOST_EPOCHS)
    steps = epochs * max(images // batch, 1)
    return {
        "epochs": epochs,
        "batch_size": batch,
        # The noise of a step grows as its batch gets smaller (Krizhevsky 2014, §5: the root of its size).
        "learning_rate": 3e-3 * (batch / LARGEST_BATCH) ** 0.5,
        "layer_decay": 1.0,
        "weight_decay": 0.05,
        "freeze_batch_norm": "no",
        # Neither gained anything on few images seen a dozen times: docs/explanation/small-data.md.
        "mix": "none",
        "label_smoothing": 0.0,
        # The mean reaches back over about a twentieth of all steps.
        "ema": round(1 - 1 / max(steps / 20, 2), 4),
        "ensemble": 3,
        "fresh_head": True,
        "strength": 2.0,
        "wear": 0.5,
    }
