"""What an evaluation found: the content of evaluation.json, and of the report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from overread.bundle.manifest import Task
from overread.engine import write_atomically
from overread.errors import EvaluationError
from overread.evaluation.clinical import (
    Abstention,
    CalibrationResult,
    Clinical,
    LearningPoint,
    SubgroupTable,
)
from overread.evaluation.curves import Histogram, Number, PrecisionRecallCurve, Reliability, RocCurve
from overread.evaluation.figures import NAN, Figure, Part

if TYPE_CHECKING:
    from overread.cohort.card import CohortCard


class Curves(Part):
    """The four curves of one score against one truth."""

    roc: RocCurve = RocCurve()
    precision_recall: PrecisionRecallCurve = PrecisionRecallCurve()
    reliability: Reliability = Reliability()
    histogram: Histogram = Histogram()


class Finding(Part):
    """One class against all images without it.

    `figures` holds prevalence, roc_auc, roc_auc_delong (the same area with DeLong's interval),
    average_precision, brier, calibration_error and log_loss; where the class has an operating point also
    sensitivity, specificity, ppv, npv, f1, accuracy, balanced_accuracy and mcc there; for multiclass also
    recall and precision where the highest score decides. `unstated`: images whose label for this class is
    not stated.
    """

    name: str
    positives: int
    negatives: int
    unstated: int
    threshold: Number = NAN
    figures: Mapping[str, Figure]
    curves: Curves = Curves()
    clinical: Clinical = Clinical()


class Triage(Part):
    """The decisions against whether an urgent class is present.

    Args:
        urgent: Classes whose presence is urgent.
        positives: Images with at least one of them.
        negatives: Images with none of them.
        threshold: On the score (binary) or on the sum of the urgent classes' scores (multiclass); NaN for
            multilabel, where each class has its own.
        decisions: Truth "present" or "absent" → decision → images.
        figures: sensitivity, specificity, ppv, npv, f1, accuracy, balanced_accuracy, mcc at the operating
            point over all read images, whatever their novelty; and the shares of decisions as they stand:
            urgent_if_present, routine_if_present, cannot_assess_if_present and the same _if_absent;
            cannot_assess of all; for multiclass also roc_auc, roc_auc_delong, average_precision, brier,
            calibration_error and log_loss of the sum.
        curves: For multiclass, of the sum; else empty (see the finding).
        clinical: For multiclass, of the sum; for multilabel the predictive values of "urgent" alone; else
            empty (see the finding).
    """

    urgent: tuple[str, ...]
    positives: int
    negatives: int
    threshold: Number = NAN
    decisions: Mapping[str, Mapping[str, int]]
    figures: Mapping[str, Figure]
    curves: Curves = Curves()
    clinical: Clinical = Clinical()


class Confusion(Part):
    """Images of each true class (row) by the class with the highest score (column)."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


class Counts(Part):
    """What became of the images of the split.

    images = rejected + missing + unlabelled + used. `missing`: no reading at all; `unlabelled`: read, but
    nothing is known of them. `unknown`: readings of images that the reference does not hold, or holds in
    another split. `reasons`: rejects by reason.
    """

    images: int
    rejected: int
    reasons: Mapping[str, int]
    missing: int
    unlabelled: int
    used: int
    cannot_assess: int
    patients: int
    unknown: int


class CohortFlow(Part):
    """From what was found to what each split holds; found = read + rejected.

    `negative`: what a binary cohort calls the absence of its class ("benign"), else "". `removed`: what each
    step of the ingest is called, with how many inputs it left out. `leakage`: sentences about what stands on
    two sides of the split and was accepted.
    """

    name: str = ""
    negative: str = ""
    found: int
    read: int
    rejected: int
    patients: int
    patient_known: bool = True
    splits: Mapping[str, int] = {}
    removed: tuple[tuple[str, int], ...] = ()
    leakage: tuple[str, ...] = ()

    @classmethod
    def from_card(cls, card: CohortCard) -> CohortFlow:
        """What the report says of a cohort, from its card; copies of an augmented one are left out."""
        card = card.without_copies
        return cls(
            name=card.name,
            negative=card.negative,
            found=card.found,
            read=card.read,
            rejected=card.rejected,
            patients=card.patients,
            patient_known=card.patient_known,
            splits={str(split): images for split, images in card.split_counts.items()},
            removed=tuple((step.what, step.removed) for step in card.flow),
            leakage=tuple(leak.sentence for leak in card.leakage),
        )


class HistoryRow(BaseModel):
    """One epoch of training; `kept` marks the one whose reader was kept."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    phase: str
    epoch: int
    train_loss: Number = NAN
    tune_loss: Number = NAN
    tune_auc: Number = NAN
    kept: bool = False


class Evaluation(Part):
    """Everything that evaluation.json holds.

    `overall` holds the figures that sum up the reader. Binary: those of the one finding. Multilabel: macro
    means over the findings. Multiclass: accuracy, balanced_accuracy, macro_f1, kappa, mcc, log_loss, brier,
    calibration_error and the macro means of roc_auc and average_precision. `undefined_findings` names the
    classes that the macro means leave out. `learning` is the learning curve of the head, of `train` and
    `tune`.
    """

    schema_version: Literal[1, 2] = 2
    bundle: str
    task: Task
    classes: tuple[str, ...]
    split: str
    cohort_hash: str = ""
    counts: Counts
    cohort: CohortFlow | None = None
    test_reads: int | None = None
    resamples: int
    seed: int
    level: float
    overall: Mapping[str, Figure]
    undefined_findings: tuple[str, ...] = ()
    findings: tuple[Finding, ...]
    triage: Triage | None = None
    confusion: Confusion | None = None
    subgroups: tuple[SubgroupTable, ...] = ()
    calibration: tuple[CalibrationResult, ...] = ()
    abstention: tuple[Abstention, ...] = ()
    learning: tuple[LearningPoint, ...] = ()
    history: tuple[HistoryRow, ...] = ()
    notes: tuple[str, ...] = ()

    def summary(self) -> dict[str, dict[str, float | None]]:
        """The main figures in short, for `--json`: name → value, low, high; null where undefined.

        Those of `overall`; of a multiclass reader also the recall of each class, as "CLASS/recall".
        """
        figures = dict(self.overall)
        if self.task == "multiclass":
            figures |= {f"{one.name}/recall": one.figures["recall"] for one in self.findings}
        return {
            name: {
                part: None if np.isnan(value) else value
                for part, value in (("value", one.value), ("low", one.low), ("high", one.high))
            }
            for name, one in figures.items()
        }

    def to_json(self) -> str:
        """The text of evaluation.json: the same evaluation, the same bytes."""
        return self.model_dump_json(indent=1) + "\n"

    def save(self, path: Path) -> Path:
        """Write evaluation.json in one step."""
        write_atomically(path, self.to_json().encode())
        return path

    @classmethod
    def load(cls, path: Path) -> Evaluation:
        """Read evaluation.json.

        Raises:
            EvaluationError: There is no such file, or it is not an evaluation.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise EvaluationError("cannot be read", where=f"evaluation '{path}'") from error
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "the file"
            raise EvaluationError(
                f"is not an evaluation ({place}: {first['msg']})",
                where=f"evaluation '{path}'",
                todo="make it anew with overread evaluate",
            ) from error
