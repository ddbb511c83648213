"""Which of two readers to keep: the simpler one, unless the other is better by more than chance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from overread.training.loop import mean_auc
from overread.training.network import Task

Array = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Choice:
    """What was compared on `tune`, and which reader is kept.

    Attributes:
        simple_auc: Of the head's reader, on images its folds left out.
        complex_auc: Of the fine-tuned reader.
        standard_error: Of their difference, over patients.
        keep_complex: Whether the fine-tuned reader is kept.
        where: On what they were compared.
    """

    simple_auc: float
    complex_auc: float
    standard_error: float
    keep_complex: bool
    where: str = "tune"

    @property
    def sentence(self) -> str:
        """What the report says of it."""
        figures = f"mean AUC {self.complex_auc:.3f} against {self.simple_auc:.3f}"
        if math.isnan(self.simple_auc) or math.isnan(self.complex_auc):
            return f"Too few classes on {self.where} to compare readers: the head's reader was kept."
        if self.keep_complex:
            return f"Fine-tuning improved the reader on {self.where} ({figures}) and was kept."
        verdict = "was worse than" if self.complex_auc < self.simple_auc else "was not clearly better than"
        return (
            f"Fine-tuning {verdict} the head alone on {self.where} ({figures}): the head's reader was kept."
        )


def choose_reader(
    simple: Array,
    complex_: Array,
    targets: Array,
    *,
    groups: npt.NDArray[np.int64],
    task: Task,
    seed: int,
    resamples: int = 200,
    where: str = "tune",
) -> Choice:
    """Compare two readers' logits on `tune` by the one-standard-error rule (Breiman 1984, §3.4.3).

    Args:
        simple: `[n, outputs]` logits of the reader that is kept in doubt.
        complex_: `[n, outputs]` logits of the other.
        targets: `[n, classes]`.
        groups: `[n]`, images of one patient share a number; patients are resampled.
        task: Decides how the AUC is averaged.
        seed: Of the bootstrap.
        resamples: Of the bootstrap.
        where: On what they are compared, for the report.
    """
    first, second = mean_auc(simple, targets, task=task), mean_auc(complex_, targets, task=task)
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    differences = []
    for _ in range(resamples):
        rows = np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
        difference = mean_auc(complex_[rows], targets[rows], task=task) - mean_auc(
            simple[rows], targets[rows], task=task
        )
        if not math.isnan(difference):
            differences.append(difference)
    error = float(np.std(differences)) if differences else math.nan
    return Choice(first, second, error, bool(second - first > error), where)
