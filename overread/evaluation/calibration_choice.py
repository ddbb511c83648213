"""Which calibration a bundle is to have, and what one brings: temperature, Platt or isotonic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from overread.bundle.manifest import Calibration, Task
from overread.cohort.folds import assign_folds
from overread.errors import EvaluationError
from overread.evaluation import metrics
from overread.evaluation.calibration import (
    MIN_OF_EACH,
    Kind,
    apply_calibration,
    check_kind,
    fit_calibration,
    isotonic_maps,
)
from overread.evaluation.isotonic import ENOUGH_IMAGES, ENOUGH_OF_EACH, enough_for_isotonic
from overread.evaluation.weighted import Array

ALL_CLASSES = "all classes"


@dataclass(frozen=True)
class CalibrationChoice:
    """What cross-validation found.

    Attributes:
        kind: Of the lowest log loss, of equal ones the simplest.
        log_loss: Kind → mean log loss in nats over held-out images; NaN where it could not be fitted.
        uncalibrated: Log loss of the plain sigmoid of the logits on the same images.
        images: How many.
    """

    kind: Kind
    log_loss: Mapping[Kind, float]
    uncalibrated: float
    images: int


@dataclass(frozen=True)
class CalibrationGain:
    """Calibration before and after, on the same images.

    Attributes:
        error_before: Expected calibration error of the uncalibrated scores.
        error_after: Of the calibrated ones.
        log_loss_before: In nats.
        log_loss_after: In nats.
    """

    error_before: float
    error_after: float
    log_loss_before: float
    log_loss_after: float


@dataclass(frozen=True)
class Calibrated:
    """The calibration of a bundle, and why it is this one.

    Attributes:
        calibration: Fitted to all images.
        log_loss: Finding (multiclass: "all classes") → kind, "none" among them → mean log loss in nats over
            images left out; empty for a finding that is too rare to leave patients out.
        reason: One sentence.
    """

    calibration: Calibration
    log_loss: Mapping[str, Mapping[str, float]]
    reason: str


def calibrate(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    task: Task,
    classes: Sequence[str],
    groups: ArrayLike,
    kind: Literal["auto"] | Kind = "auto",
    folds: int = 5,
    seed: int = 0,
) -> Calibrated:
    """Choose a calibration by cross-validation, patients whole, and fit it to all images.

    All findings get the same kind: that of the lowest log loss, summed over the findings. Isotonic is a
    candidate where every finding has images enough (`isotonic.enough_for_isotonic`). A multiclass reader
    gets a temperature.

    Args:
        logits: float [n, classes], held out from training.
        labels: float [n, classes]; 1, 0, NaN not stated.
        task: "binary", "multiclass" or "multilabel".
        classes: Their names.
        groups: [n], the patient of each image.
        kind: "auto", or what to take whatever its loss.
        folds: How many.
        seed: Of the folds.

    Raises:
        EvaluationError: The task does not allow the kind.
    """
    check_kind(kind, task=task)
    values, truth = np.asarray(logits, np.float64), np.asarray(labels, np.float64)
    if task == "multiclass":
        losses = _multiclass_losses(values, truth, groups=np.asarray(groups), folds=folds, seed=seed)
        return Calibrated(
            fit_calibration(values, truth, task=task),
            {ALL_CLASSES: losses} if losses else {},
            "A reader of classes of which one is present is scaled by a temperature.",
        )
    enough = all(enough_for_isotonic(column) for column in truth.T)
    kinds: tuple[Kind, ...] = ("temperature", "platt", "isotonic") if enough else ("temperature", "platt")
    found: dict[str, Mapping[str, float]] = {}
    for name, own, column in zip(classes, values.T, truth.T, strict=True):
        try:
            choice = choose_calibration(own, column, groups=groups, kinds=kinds, folds=folds, seed=seed)
        except EvaluationError:  # too few patients of a kind to leave some out
            continue
        found[name] = {
            **{str(one): loss for one, loss in choice.log_loss.items()},
            "none": choice.uncalibrated,
        }
    taken, reason = _taken(kind, found, kinds)
    if taken == "isotonic" and not _both_kinds(truth):
        taken = "platt"
        reason = (
            f"Isotonic was asked for, and Platt scaling taken: a finding has fewer than {MIN_OF_EACH} images "
            "of a kind."
        )
    if kind == "auto" and not enough:
        reason += (
            f" Isotonic was not tried: it needs {ENOUGH_IMAGES:,} images with a label, and {ENOUGH_OF_EACH}"
            " with and without each finding."
        )
    return Calibrated(fit_calibration(values, truth, task=task, kind=taken), found, reason)


def _taken(
    kind: Literal["auto"] | Kind, losses: Mapping[str, Mapping[str, float]], kinds: Sequence[Kind]
) -> tuple[Kind, str]:
    if kind != "auto":
        return kind, f"{kind.capitalize()} was asked for."
    if not losses:
        return "platt", "Platt scaling was taken: there are too few patients of each kind to compare others."
    mean: dict[Kind, float] = {one: float(np.mean([by[one] for by in losses.values()])) for one in kinds}
    best = min(mean, key=lambda one: mean[one])
    shown = ", ".join(f"{one} {loss:.4f}" for one, loss in mean.items())
    return best, f"{best.capitalize()} has the lowest log loss on patients left out ({shown})."


def _both_kinds(truth: Array) -> bool:
    return all(min((column == 1).sum(), (column == 0).sum()) >= MIN_OF_EACH for column in truth.T)


def _multiclass_losses(
    logits: Array, labels: Array, *, groups: NDArray[np.generic], folds: int, seed: int
) -> dict[str, float]:
    """Kind → cross-validated log loss of all classes; empty where patients are fewer than folds."""
    stated = ~np.isnan(labels).any(axis=1)
    values, truth = logits[stated], labels[stated]
    _, member = np.unique(groups[stated], return_inverse=True)
    if np.unique(member).size < folds:
        return {}
    fold = _folds(truth, member, folds=folds, seed=seed)
    scores: Array = np.full(truth.shape, np.nan)
    for number in range(folds):
        out = fold == number
        fitted = fit_calibration(values[~out], truth[~out], task="multiclass")
        scores[out] = apply_calibration(values[out], fitted, task="multiclass")
    plain = apply_calibration(values, Calibration(), task="multiclass")
    return {
        "temperature": metrics.log_loss_multiclass(truth, scores),
        "none": metrics.log_loss_multiclass(truth, plain),
    }


def _folds(strata: Array, member: NDArray[np.intp], *, folds: int, seed: int) -> NDArray[np.int64]:
    ids, patients = [str(k) for k in range(len(strata))], [int(k) for k in member]
    return np.asarray(assign_folds(ids, patients, strata=strata, folds=folds, seed=seed), np.int64)


def choose_calibration(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    groups: ArrayLike,
    kinds: Sequence[Kind] = get_args(Kind),
    folds: int = 5,
    seed: int = 0,
) -> CalibrationChoice:
    """The calibration of the lowest cross-validated log loss; folds keep patients whole.

    Folds also keep the share of positives, which favours an intercept (Platt) by a hair.

    Args:
        logits: float [n], of one finding, held out from training.
        labels: float [n], 1, 0, NaN not stated (left out).
        groups: [n], the patient of each image.
        kinds: To choose among, the simplest first.
        folds: How many.
        seed: Of the folds.

    Raises:
        EvaluationError: There are too few patients, positives or negatives to cross-validate.
    """
    values, truth, patients = (
        np.asarray(logits, np.float64),
        np.asarray(labels, np.float64),
        np.asarray(groups),
    )
    if values.ndim != 1 or values.shape != truth.shape or values.shape != patients.shape:
        raise EvaluationError(
            "expected logits, labels and groups of one length, got shapes "
            f"{values.shape}, {truth.shape} and {patients.shape}"
        )
    stated = ~np.isnan(truth)
    values, truth = values[stated], truth[stated]
    _, member = np.unique(patients[stated], return_inverse=True)
    for side, name in ((1, "with"), (0, "without")):
        here = np.unique(member[truth == side]).size
        if here < folds:
            raise EvaluationError(
                f"expected at least {folds} patients {name} the finding, one a fold, got {here}",
                where="calibration",
                todo="ask for fewer folds, or take Platt scaling as it is",
            )
    fold = _folds(np.stack([truth, 1 - truth], axis=1), member, folds=folds, seed=seed)
    held_out: dict[Kind, Array] = {kind: np.full(truth.size, np.nan) for kind in kinds}
    for number in range(folds):
        out = fold == number
        for kind, scores in held_out.items():
            scores[out] = fit_kind(values[~out], truth[~out], kind=kind)(values[out])
    losses: dict[Kind, float] = {kind: metrics.log_loss(truth, scores) for kind, scores in held_out.items()}
    plain = metrics.log_loss(truth, _sigmoid(values))
    return CalibrationChoice(min(losses, key=lambda kind: losses[kind]), losses, plain, truth.size)


def fit_kind(logits: ArrayLike, labels: ArrayLike, *, kind: Kind) -> Callable[[Array], Array]:
    """Fit one kind of calibration to one finding: a function from logits [n] to scores [n]."""
    values, truth = np.asarray(logits, np.float64), np.asarray(labels, np.float64)
    fitted = fit_calibration(values[:, None], truth[:, None], task="binary", kind=kind)
    return lambda new: apply_calibration(new[:, None], fitted, task="binary")[:, 0]


def before_calibration(scores: ArrayLike, calibration: Calibration, *, task: Task) -> Array:
    """The scores that the network would have given without its calibration, float64 [n, classes].

    Every calibration rises, so that it can be undone from the scores alone: the readings of a finished
    bundle tell what its calibration brought. Scores of exactly 0 or 1 are taken for the nearest number
    inside; logits beyond the outer knots of an isotonic map for those of the knot.
    """
    eps = float(np.finfo(np.float32).eps)
    values = np.clip(np.asarray(scores, np.float64), eps, 1 - eps)
    slope, intercept = np.asarray(calibration.slope), np.asarray(calibration.intercept)
    if calibration.kind == "none":
        return np.asarray(scores, np.float64)
    if calibration.kind == "isotonic":
        plain = zip(isotonic_maps(calibration), values.T, strict=True)
        return _sigmoid(np.stack([one.undone(column) for one, column in plain], axis=1))
    if task == "multiclass":
        from scipy.special import softmax

        return np.asarray(softmax(np.log(values) / slope[0], axis=1), np.float64)
    return _sigmoid((np.log(values / (1 - values)) - intercept) / slope)


def calibration_gain(labels: ArrayLike, before: ArrayLike, after: ArrayLike) -> CalibrationGain:
    """Calibration error and log loss of one finding's scores before and after, [n] each."""
    return CalibrationGain(
        error_before=metrics.expected_calibration_error(labels, before),
        error_after=metrics.expected_calibration_error(labels, after),
        log_loss_before=metrics.log_loss(labels, before),
        log_loss_after=metrics.log_loss(labels, after),
    )


def _sigmoid(logits: Array) -> Array:
    from scipy.special import expit

    return np.asarray(expit(logits), np.float64)
