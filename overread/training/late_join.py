"""Patient information beside a fine-tuned network: joined to what it says of an image, not to what it sees.

Fine-tuning knows images alone, and its features of the images it learned from are too good to fit a head to.
What it says of images left out is honest, and a regression of few weights on that and on metadata can be
fitted there (stacking: Wolpert 1992).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from overread.errors import TrainingError
from overread.training.choice import choose_reader
from overread.training.heads import FittedHead, fit_head
from overread.training.imbalance import Imbalance
from overread.training.metadata import Metadata
from overread.training.network import LinearHead, ReaderNetwork
from overread.training.reader import HeldOut, LabelledRows, TrainedReader

_KEPT = "Fine-tuning improved"
"""How a sentence begins that compares with a head without metadata, which nobody asked for."""


class StackedHead(nn.Module):
    """A head of the image alone, whose logits a linear head weighs with the metadata beside them.

    Args:
        head: Features `[..., d]` to logits `[..., outputs]`.
        joint: Those logits and behind them metadata, `[..., outputs + m]`, to logits `[..., outputs]`.
        width: d.
    """

    def __init__(self, head: nn.Module, joint: LinearHead, *, width: int) -> None:
        super().__init__()
        self.head, self.joint, self.width = head, joint, width

    def forward(self, features: Tensor) -> Tensor:
        """Features and metadata `float32 [..., d + m]` to logits `float32 [..., outputs]`."""
        said = self.head(features[..., : self.width])
        logits: Tensor = self.joint(torch.cat([said, features[..., self.width :]], -1))
        return logits


def join_late(
    tuned: TrainedReader,
    reader: TrainedReader,
    rows: LabelledRows,
    metadata: Metadata,
    *,
    folds: int,
    seed: int,
) -> TrainedReader:
    """The better of two readers with metadata: a head's, and a fine-tuned network's joined late.

    Args:
        tuned: What fine-tuning led to from a head without metadata; that head's own where it helped nothing.
        reader: Of the head with metadata; kept in doubt.
        rows: The labelled images.
        metadata: Of these rows.
        folds: Of patients, to fit the joint head with.
        seed: Of folds and bootstrap.
    """
    missed = [{**row, "kept": False} for row in tuned.history if row["phase"] == "fine-tune"]
    if "fine-tune" not in tuned.phases:
        why = [note for note in tuned.notes if note not in reader.notes and note.startswith("Fine-tuning")]
        return replace(reader, history=[*reader.history, *missed], notes=[*reader.notes, *why])
    tune, both = rows.of("tune"), rows.of("train", "tune")
    judged = tune if len(tuned.held_out.logits) == len(tune) else both
    try:
        fitted = _fit(tuned, rows, judged, metadata, folds=folds, seed=seed)
    except TrainingError:
        said = "Too few patients were left out of fine-tuning to join metadata there: the head's was kept."
        return replace(reader, history=[*reader.history, *missed], notes=[*reader.notes, said])
    choice = choose_reader(
        reader.held_out.logits[np.isin(both, judged)],
        fitted.held_out_logits,
        rows.targets[judged],
        groups=rows.groups[judged],
        task=reader.task,
        seed=seed,
        where=tuned.held_out.split,
    )
    if not choice.keep_complex:
        notes = [*reader.notes, choice.sentence]
        return replace(reader, history=[*reader.history, *missed], notes=notes)
    network = ReaderNetwork(
        tuned.network.backbone,
        _stacked(tuned.network.head, fitted.module, width=len(tuned.density.mean)),
        metadata.encoder,
    )
    stated = tuned.held_out
    return replace(
        tuned,
        network=network.eval(),
        held_out=HeldOut(
            fitted.held_out_logits,
            stated.targets,
            stated.groups,
            stated.split,
            f"{stated.described}, joined with patient information by heads blind to its patient",
        ),
        notes=[
            *metadata.notes(),
            choice.sentence,
            *(note for note in tuned.notes if not note.startswith(_KEPT)),
        ],
        metadata=metadata.fields,
        learning=reader.learning,
        facts={
            **tuned.facts,
            "metadata": ", ".join(field.name for field in metadata.fields),
            **{f"join.{name}": str(value) for name, value in fitted.setting.items()},
        },
    )


def _fit(
    tuned: TrainedReader,
    rows: LabelledRows,
    judged: np.ndarray,
    metadata: Metadata,
    *,
    folds: int,
    seed: int,
) -> FittedHead:
    """A linear head on honest logits `[k, outputs]` with metadata `[k, m]` behind them."""
    # float32, as the network will add them up.
    said = tuned.held_out.logits.astype(np.float32).astype(np.float64)
    return fit_head(
        np.concatenate([said, metadata.encoded[judged]], 1),
        rows.targets[judged],
        kind="linear",
        task=tuned.task,
        groups=rows.groups[judged],
        folds=folds,
        imbalance=Imbalance("none"),
        seed=seed,
        beside=metadata.encoder.width,
    )


def _stacked(head: nn.Module, joint: nn.Module, *, width: int) -> nn.Module:
    """One head of two; a linear one behind a linear one is a linear one."""
    assert isinstance(joint, LinearHead)
    if not isinstance(head, LinearHead):
        return StackedHead(head, joint, width=width).eval()
    inner, outer = head.linear, joint.linear
    outputs = len(inner.bias)
    with torch.no_grad():
        of_said, of_metadata = outer.weight[:, :outputs].double(), outer.weight[:, outputs:].double()
        weight = torch.cat([of_said @ inner.weight.double(), of_metadata], 1)
        bias = of_said @ inner.bias.double() + outer.bias.double()
    return LinearHead(weight.numpy(), bias.numpy()).eval()
