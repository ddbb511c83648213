"""What a clinic asks of one score: results beside the figures, as evaluation.json holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from overread.evaluation.curves import Number
from overread.evaluation.figures import NAN, Figure, Part


class FixedPoint(Part):
    """What the reader reaches where one of its two rates is held: "specificity of 0.9".

    The threshold is the test images' own, so these figures say how good the scores are, not what the bundle's
    operating point reaches.

    Args:
        held: Which rate.
        at: Its value, 0..1.
        threshold: That reaches it; NaN where none does.
        other: The other rate there.
    """

    held: Literal["sensitivity", "specificity"]
    at: float
    threshold: Number = NAN
    other: Figure


class PredictiveValue(Part):
    """What a call is worth where the finding has this prevalence, at the bundle's operating point (Bayes)."""

    prevalence: float
    ppv: Figure
    npv: Figure


class Sweep(Part):
    """Sensitivity and specificity over thresholds, rising: what a threshold explorer moves along."""

    threshold: tuple[Number, ...] = ()
    sensitivity: tuple[Number, ...] = ()
    specificity: tuple[Number, ...] = ()


class NetBenefit(Part):
    """A decision curve: net benefit per image over threshold probabilities; acting on none is 0.

    `low` and `high` bound the reader's, pointwise.
    """

    threshold: tuple[Number, ...] = ()
    reader: tuple[Number, ...] = ()
    low: tuple[Number, ...] = ()
    high: tuple[Number, ...] = ()
    everyone: tuple[Number, ...] = ()


class Clinical(Part):
    """What a clinic asks of one score."""

    sweep: Sweep = Sweep()
    fixed: tuple[FixedPoint, ...] = ()
    predictive: tuple[PredictiveValue, ...] = ()
    net_benefit: NetBenefit = NetBenefit()


class SubgroupRow(Part):
    """One kind of image beside all others, for one statistic.

    Args:
        name: "F", "60 to 70", "not stated".
        images: With a label; `patients`, `positives` and `negatives` of those.
        figure: Of the subgroup.
        rest: Of all other images.
        difference: figure less rest.
        p_value: Two-sided, of no difference.
        p_holm: Adjusted for all rows of the table.
    """

    name: str
    images: int
    patients: int
    positives: int
    negatives: int
    figure: Figure
    rest: Figure
    difference: Figure
    p_value: Number = NAN
    p_holm: Number = NAN


class SubgroupTable(Part):
    """A statistic by the kinds of one column.

    Args:
        column: Of the cohort: "sex", "age", "site", "source", …
        of: Whose score: a finding's name, or "urgent" for the sum of the urgent classes.
        statistic: "roc_auc", "sensitivity" or "specificity".
        rows: One a kind.
    """

    column: str
    of: str
    statistic: Literal["roc_auc", "sensitivity", "specificity"]
    rows: tuple[SubgroupRow, ...]


class CalibrationResult(Part):
    """What calibration brought for one finding (or "urgent", or "all classes").

    Args:
        of: Whose score.
        kind: That the bundle has.
        log_loss: Kind → cross-validated log loss on the images that it was chosen on; empty where it was not.
        error_before: Calibration error of the test images' scores without it; NaN where it cannot be undone.
        error_after: With it.
        log_loss_before: In nats.
        log_loss_after: In nats.
    """

    of: str
    kind: Literal["platt", "temperature", "isotonic", "none"]
    log_loss: Mapping[str, Number] = {}
    error_before: Number = NAN
    error_after: Number = NAN
    log_loss_before: Number = NAN
    log_loss_after: Number = NAN


class Abstention(Part):
    """What a conformal rule does on the test images (`overread.evaluation.conformal`).

    Args:
        of: Whose score.
        asked: The coverage that was asked for.
        in_force: Whether the bundle says cannot-assess by it; else this is what it would do.
        coverage: Share of images whose set holds the true class, by true class.
        answered: Share of images whose set is one class.
        right: Share of those where it is the true one.
        right_of_all: The same share over all images without the rule, by the likeliest class.
    """

    of: str
    asked: float
    in_force: bool
    coverage: Mapping[str, Figure]
    answered: Figure
    right: Figure
    right_of_all: Figure


class LearningPoint(Part):
    """A head fitted to some of the patients: how much more images would help.

    Args:
        share: Of the patients that are there, 0..1.
        patients: So many.
        images: Of them.
        auc: Mean AUC on patients left out, over draws.
        low: Least of the draws.
        high: Greatest of the draws.
    """

    share: float
    patients: int
    images: int
    auc: Number = NAN
    low: Number = NAN
    high: Number = NAN
