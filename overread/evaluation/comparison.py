"""What a comparison of readers found: the content of `overread compare --json`, and of its page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from overread.bundle.manifest import Task
from overread.evaluation.curves import Number, RocCurve
from overread.evaluation.figures import NAN, Figure, Part

TargetKind = Literal["finding", "urgent", "all"]


class ComparedTarget(Part):
    """What readers are compared on.

    Args:
        name: A class; "urgent" for whether any urgent class is present; "all classes" for the class with the
            highest score (multiclass) or the means over the findings (multilabel).
        kind: Which of the three.
        positives: Compared images with it; of "all", the images whose label is stated.
        negatives: Compared images without.
    """

    name: str
    kind: TargetKind
    positives: int
    negatives: int


class ReaderOnTarget(Part):
    """One reader's figures for one target, on the compared images.

    `figures` holds roc_auc, average_precision, brier, log_loss and calibration_error of a score; sensitivity,
    specificity and accuracy at the reader's own threshold; of "all classes" what the task has of accuracy,
    balanced_accuracy, roc_auc, average_precision, brier, log_loss and calibration_error.
    """

    target: str
    threshold: Number = NAN
    figures: Mapping[str, Figure]
    roc: RocCurve = RocCurve()


class ComparedReader(Part):
    """One reader.

    Args:
        name: As the comparison calls it; no two have the same.
        bundle: name@version.
        read: Images of the split that it read and that are labelled.
        rejected: Images of the split that it could not read.
        missing: Images of the split of which it has no reading.
        cannot_assess: Compared images that it sets aside.
        targets: One entry a target.
    """

    name: str
    bundle: str
    read: int
    rejected: int
    missing: int
    cannot_assess: int
    targets: tuple[ReaderOnTarget, ...]

    def on(self, target: str) -> ReaderOnTarget:
        """Its figures for one target."""
        return next(one for one in self.targets if one.target == target)


class PairedFigure(Part):
    """One figure of two readers, and their difference: reader - baseline.

    Args:
        baseline: Of the baseline.
        reader: Of the other.
        difference: reader - baseline.
        low: Lower bound of the difference; NaN where there is none.
        high: Upper bound.
        p_value: Two-sided, of no difference; NaN where no test was made or it is undefined.
        adjusted: The same after Holm, over all pairs and targets with this test.
        method: "delong" (roc_auc of one score), else "bootstrap" (percentile); both by patient; "none".
    """

    baseline: Number
    reader: Number
    difference: Number
    low: Number = NAN
    high: Number = NAN
    p_value: Number = NAN
    adjusted: Number = NAN
    method: Literal["delong", "bootstrap", "none"] = "bootstrap"


class PairedDecisions(Part):
    """McNemar's test of two readers' decisions.

    Args:
        baseline_only: Images that only the baseline decided rightly.
        reader_only: Images that only the other did.
        images: Images with a stated label.
        p_value: Two-sided, of equal accuracy; 1 where both are right on the same images.
        adjusted: The same after Holm, over all pairs and targets with decisions.
        method: "clustered" (by patient; Yang, Sun & Hardin 2010, after Obuchowski 1998) where a patient has
            several images, else "mid-p".
    """

    baseline_only: int
    reader_only: int
    images: int
    p_value: Number
    adjusted: Number = NAN
    method: Literal["mid-p", "exact", "clustered"]


class PairOnTarget(Part):
    """Two readers on one target; the figures are those of `ReaderOnTarget`."""

    target: str
    figures: Mapping[str, PairedFigure]
    decisions: PairedDecisions | None = None


class ReaderPair(Part):
    """A reader beside its baseline."""

    baseline: str
    reader: str
    targets: tuple[PairOnTarget, ...]

    def on(self, target: str) -> PairOnTarget:
        """What is found for one target."""
        return next(one for one in self.targets if one.target == target)


class Comparison(Part):
    """Readers side by side on the same images.

    Args:
        task: Of all of them.
        classes: Of all of them.
        urgent: Classes whose presence is urgent; empty where the readers do not agree on them.
        split: The split that they read.
        images: Images of the split.
        compared: Images that all have read and whose label is known; only these count.
        patients: Of the compared images.
        left_out: images - compared.
        readers: In the order given; the first is the baseline.
        targets: What they are compared on.
        pairs: Each later reader with the first, or all pairs.
        resamples: Of the patient-clustered bootstrap.
        seed: Of the bootstrap.
        level: Share that an interval should cover.
        notes: Sentences that a reader of the comparison must see.
    """

    schema_version: Literal[1] = 1
    task: Task
    classes: tuple[str, ...]
    urgent: tuple[str, ...]
    split: str
    images: int
    compared: int
    patients: int
    left_out: int
    readers: tuple[ComparedReader, ...]
    targets: tuple[ComparedTarget, ...]
    pairs: tuple[ReaderPair, ...]
    resamples: int
    seed: int
    level: float
    notes: tuple[str, ...] = ()

    def reader(self, name: str) -> ComparedReader:
        """The reader of this name."""
        return next(one for one in self.readers if one.name == name)
