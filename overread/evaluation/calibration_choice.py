"""Which calibration to take, and what one brings: temperature, Platt or isotonic, for one finding.

Pure functions beside `calibration`, which fits what a bundle holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from overread.bundle.manifest import Calibration, Task
from overread.cohort.folds import assign_folds
from overread.errors import EvaluationError
from overread.evaluation import metrics
from overread.evaluation.calibration import apply_calibration, fit_calibration
from overread.evaluation.isotonic import fit_isotonic
from overread.evaluation.weighted import Array

Kind = Literal["temperature", "platt", "isotonic"]
_SCALES = (0.02, 50.0)


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


def choose_calibration(
    logits: ArrayLike, labels: ArrayLike, *, groups: ArrayLike, folds: int = 5, seed: int = 0
) -> CalibrationChoice:
    """The calibration of the lowest cross-validated log loss; folds keep patients whole.

    Folds also keep the share of positives, which favours an intercept (Platt) by a hair.

    Args:
        logits: float [n], of one finding, held out from training.
        labels: float [n], 1, 0, NaN not stated (left out).
        groups: [n], the patient of each image.
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
    fold = np.asarray(
        assign_folds(
            [str(k) for k in range(truth.size)],
            [int(k) for k in member],
            strata=np.stack([truth, 1 - truth], axis=1),
            folds=folds,
            seed=seed,
        )
    )
    held_out: dict[Kind, Array] = {kind: np.full(truth.size, np.nan) for kind in get_args(Kind)}
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
    if kind == "isotonic":
        return fit_isotonic(values, truth)
    if kind == "temperature":
        scale = _scale(values, truth)
        return lambda new: _sigmoid(scale * new)
    platt = fit_calibration(values[:, None], truth[:, None], task="binary")
    return lambda new: apply_calibration(new[:, None], platt, task="binary")[:, 0]


def before_calibration(scores: ArrayLike, calibration: Calibration, *, task: Task) -> Array:
    """The scores that the network would have given without its calibration, float64 [n, classes].

    Temperature and Platt scaling can be undone from the scores alone, so the readings of a finished bundle
    tell what its calibration brought. Scores of exactly 0 or 1 are taken for the nearest number inside.
    """
    eps = float(np.finfo(np.float32).eps)
    values = np.clip(np.asarray(scores, np.float64), eps, 1 - eps)
    slope, intercept = np.asarray(calibration.slope), np.asarray(calibration.intercept)
    if calibration.kind == "none":
        return np.asarray(scores, np.float64)
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


def _scale(logits: Array, labels: Array) -> float:
    """1 / temperature of the lowest log loss (Guo et al., ICML 2017), for one finding and no intercept."""
    from scipy.optimize import minimize_scalar

    stated = ~np.isnan(labels)
    z, truth = logits[stated], labels[stated]

    def loss(log_scale: float) -> float:
        scaled = np.exp(log_scale) * z
        return float(np.mean(np.logaddexp(0, scaled) - truth * scaled))

    found = minimize_scalar(loss, bounds=tuple(np.log(_SCALES)), method="bounded", options={"xatol": 1e-9})
    return float(np.exp(found.x))


def _sigmoid(logits: Array) -> Array:
    from scipy.special import expit

    return np.asarray(expit(logits), np.float64)
