"""How good heads are by what they say of the images left out, and how far each is from the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from overread.bundle.manifest import Task
from overread.evaluation.delong import delong_difference, delong_interval
from overread.evaluation.intervals import bootstrap, percentile_interval
from overread.evaluation.metrics import balanced_accuracy_multiclass_of
from overread.evaluation.multiplicity import holm
from overread.evaluation.weighted import Statistic
from overread.study.judging import statistic_of

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Side:
    """One head.

    Attributes:
        logits: `[n, outputs]`, of each image by the head that left its patient out.
        setting: What was chosen.
        seconds: To fit it.
        failed: Why there is none; "" where there is.
    """

    logits: Array
    setting: dict[str, float | str]
    seconds: float
    failed: str = ""


@dataclass(frozen=True)
class Judged:
    """The images that all heads are measured on.

    Attributes:
        targets: `[n, classes]`, 1, 0, NaN not stated.
        groups: `[n]`, images of one patient share a number.
        task: Of the cohort.
        resamples: Of the patient-clustered bootstrap.
        seed: Of the bootstrap.
    """

    targets: Array
    groups: npt.NDArray[np.int64]
    task: Task
    resamples: int
    seed: int

    @property
    def metric(self) -> str:
        """Balanced accuracy where classes compete, else ROC AUC, of several findings their mean."""
        return "balanced_accuracy" if self.task == "multiclass" else "roc_auc"

    def statistic(self, logits: Array) -> Statistic:
        """The metric as a function of weights."""
        if self.task == "multiclass":
            return balanced_accuracy_multiclass_of(self.targets, logits)
        return statistic_of(self.targets, logits, task=self.task, metric="roc_auc")

    def log_loss(self, logits: Array) -> float:
        """Mean over the images."""
        loss = statistic_of(self.targets, logits, task=self.task, metric="log_loss")
        return float(loss(np.ones((1, len(logits))))[0])


def figures_of(judged: Judged, sides: Sequence[Side]) -> list[dict[str, float]]:
    """Value, interval, log loss, and difference to the first head, of each.

    The area of one finding and differences of it have DeLong's intervals and test, summed by patient, with p
    after Holm over the rows; all else a bootstrap over the same resamples of patients.
    """
    names = ["value", "low", "high", "log_loss", "difference", "difference_low", "difference_high", "p_value"]
    found = [dict.fromkeys(names, float("nan")) for _ in sides]
    whole = [at for at, side in enumerate(sides) if not side.failed]
    if judged.task == "binary":
        truth, first = judged.targets[:, 0], sides[0].logits
        for at in whole:
            logits = sides[at].logits
            area = delong_interval(truth, logits[:, 0], groups=judged.groups)
            found[at] |= {"value": area.value, "low": area.low, "high": area.high}
            if at and not sides[0].failed:
                apart = delong_difference(truth, logits[:, 0], first[:, 0], groups=judged.groups)
                found[at] |= {
                    "difference": apart.difference,
                    "difference_low": apart.low,
                    "difference_high": apart.high,
                    "p_value": apart.p_value,
                }
        adjusted = holm([one["p_value"] for one in found])
        for one, p in zip(found, adjusted, strict=True):
            one["p_value"] = float(p)
    else:
        statistics = {str(at): judged.statistic(sides[at].logits) for at in whole}
        draws = bootstrap(statistics, judged.groups, resamples=judged.resamples, seed=judged.seed)
        once = np.ones((1, len(judged.groups)))
        for at in whole:
            value, own = float(statistics[str(at)](once)[0]), draws[str(at)]
            span = percentile_interval(value, own)
            found[at] |= {"value": value, "low": span.low, "high": span.high}
            if at and 0 in whole:
                apart_by = value - found[0]["value"]
                span = percentile_interval(apart_by, own - draws["0"])
                found[at] |= {
                    "difference": apart_by,
                    "difference_low": span.low,
                    "difference_high": span.high,
                }
    for at in whole:
        found[at]["log_loss"] = judged.log_loss(sides[at].logits)
    return found
