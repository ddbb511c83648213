"""What "auto" means in `[reader.fine_tune]`: gentle for pretrained weights, the full way for others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from overread.imaging.augment import Policy
from overread.training.settings import FineTuneSettings, ReaderSettings

Mix = Literal["none", "mixup", "cutmix", "both"]


@dataclass(frozen=True)
class Recipe:
    """`FineTuneSettings` with every "auto" decided.

    Attributes:
        epochs: At most so many passes over train.
        patience: Epochs without a lower loss on tune before stopping.
        batch_size: Images a step.
        learning_rate: The scale of all rates.
        layer_decay: Each block's rate as a share of the block above it.
        head_rate: The head's rate as a share.
        weight_decay: AdamW's.
        blocks: "all", or how many from the top are trained.
        freeze_batch_norm: "auto", "yes" or "no".
        mix: Whether images of a batch are blended or patches exchanged.
        label_smoothing: How far targets are drawn towards undecided, 0..0.5.
        ema: Decay of the running mean of weights; 0: the weights themselves.
        ensemble: Networks trained without one fold each.
    """

    epochs: int
    patience: int
    batch_size: int
    learning_rate: float
    layer_decay: float
    head_rate: float
    weight_decay: float
    blocks: Literal["all"] | int
    freeze_batch_norm: Literal["auto", "yes", "no"]
    mix: Mix
    label_smoothing: float
    ema: float
    ensemble: int


def recipe_for(settings: FineTuneSettings, *, pretrained: bool) -> Recipe:
    """Decide every "auto" of the settings.

    Args:
        settings: Of the study.
        pretrained: Whether the backbone's weights were loaded.
    """
    said = settings.model_dump()
    usual = _PRETRAINED if pretrained else _SCRATCH
    for name, value in usual.items():
        if said[name] == "auto":
            said[name] = value
    if said["learning_rate"] == "find":
        said["learning_rate"] = usual["learning_rate"]
    return Recipe(**said)


def augmentation_of(settings: ReaderSettings) -> Policy:
    """The policy of augmentation."""
    said = settings.augmentation
    return "dermoscopy" if said == "auto" or said == "ct" else said


_PRETRAINED = {
    "epochs": 4,
    "patience": 2,
    "batch_size": 16,
    "learning_rate": 3e-5,
    "layer_decay": 0.8,
    "mix": "none",
    "label_smoothing": 0.0,
    "ema": 0.0,
}
_SCRATCH = _PRETRAINED
