"""From a network's logits to probabilities, fitted on `tune`.

Every map here is monotone: it changes what a score means, never which of two images scores higher.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from overread.bundle.manifest import Calibration, Task
from overread.errors import EvaluationError
from overread.evaluation.isotonic import Isotonic, fit_isotonic
from overread.evaluation.statistics import Array

Kind = Literal["temperature", "platt", "isotonic"]
MIN_OF_EACH = 5
"""With fewer positives or negatives than this, only the intercept is fitted."""
_MIN_SLOPE = 0.02  # for a standard deviation of the logits
_TEMPERATURES = (0.05, 20.0)
_SCALES = (0.02, 50.0)  # 1 / temperature, of one finding


def fit_calibration(
    logits: ArrayLike, labels: ArrayLike, *, task: Task, kind: Kind | None = None
) -> Calibration:
    """Fit the map from logits to scores.

    By default, binary and multilabel: Platt scaling a class with Platt's smoothed targets, which keeps the
    slope finite even where a small tune set is separated without error (Platt 1999, section 2.2). The slope
    is kept positive. A class with fewer than `MIN_OF_EACH` positives or negatives gets an intercept only, one
    with none of either stays as it is. Multiclass: one temperature (Guo et al., ICML 2017), with
    targets smoothed alike.

    Args:
        logits: float [n, classes], before sigmoid or softmax.
        labels: float [n, classes]; 1, 0, NaN not stated.
        task: "binary", "multiclass" or "multilabel".
        kind: Which to fit: "temperature" (one factor a finding, Guo et al. 2017), "platt" or "isotonic"
            (`isotonic.fit_isotonic`); None for Platt's, or multiclass for a temperature.

    Returns:
        The calibration; kind "none" where no class could be calibrated.

    Raises:
        EvaluationError: A multiclass task is not scaled by a temperature, or a class has no image of either
            kind to fit an isotonic map to.
    """
    values, truth = _checked(logits, labels)
    if task == "multiclass":
        check_kind(kind, task=task)
        return _temperature(values, truth)
    if kind == "isotonic":
        maps = [fit_isotonic(values[:, index], truth[:, index]) for index in range(truth.shape[1])]
        return Calibration(
            kind="isotonic",
            slope=(1.0,) * len(maps),
            intercept=(0.0,) * len(maps),
            knots=tuple((tuple(one.logits.tolist()), tuple(one.scores.tolist())) for one in maps),
        )
    if kind == "temperature":
        scales = [_scale(values[:, index], truth[:, index]) for index in range(truth.shape[1])]
        return Calibration(kind="temperature", slope=tuple(scales), intercept=(0.0,) * len(scales))
    fitted = [_platt(values[:, index], truth[:, index]) for index in range(truth.shape[1])]
    if all(pair is None for pair in fitted):
        return Calibration(kind="none", slope=(1.0,) * len(fitted), intercept=(0.0,) * len(fitted))
    pairs = [(1.0, 0.0) if pair is None else pair for pair in fitted]
    return Calibration(kind="platt", slope=tuple(a for a, _ in pairs), intercept=tuple(b for _, b in pairs))


def check_kind(kind: str | None, *, task: Task) -> None:
    """Refuse a calibration that the task does not allow.

    Raises:
        EvaluationError: A multiclass task is asked for anything but a temperature.
    """
    if task == "multiclass" and kind in ("platt", "isotonic"):
        raise EvaluationError(
            f"expected auto or temperature for classes of which one is present, got {kind}",
            where="evaluation.calibration",
            todo='set calibration = "auto"',
        )


def isotonic_maps(calibration: Calibration) -> list[Isotonic]:
    """The maps of an isotonic calibration, one a class."""
    return [Isotonic(np.asarray(logits), np.asarray(scores)) for logits, scores in calibration.knots]


def apply_calibration(logits: ArrayLike, calibration: Calibration, *, task: Task) -> Array:
    """Scores float64 [n, classes] in 0..1 from logits [n, classes]."""
    from scipy.special import expit, softmax

    values = np.asarray(logits, np.float64)
    slope, intercept = np.asarray(calibration.slope), np.asarray(calibration.intercept)
    if calibration.kind == "isotonic":
        maps = isotonic_maps(calibration)
        return np.stack([one(column) for one, column in zip(maps, values.T, strict=True)], axis=1)
    if task == "multiclass":
        return np.asarray(softmax(slope[0] * values, axis=1), np.float64)
    return np.asarray(expit(slope * values + intercept), np.float64)


def calibration_notes(labels: ArrayLike, *, classes: Sequence[str]) -> list[str]:
    """Sentences for the report about classes that `tune` was too small to calibrate fully."""
    truth = np.asarray(labels, np.float64)
    notes = []
    for index, name in enumerate(classes):
        positives, negatives = int((truth[:, index] == 1).sum()), int((truth[:, index] == 0).sum())
        counts = f"{positives} with and {negatives} without it"
        if not positives or not negatives:
            notes.append(f"The scores of {name} are not calibrated: the images left for that are {counts}.")
        elif min(positives, negatives) < MIN_OF_EACH:
            notes.append(f"The scores of {name} are calibrated roughly: left for that are {counts}.")
    return notes


def _platt(logits: Array, labels: Array) -> tuple[float, float] | None:
    stated = ~np.isnan(labels)
    z, present = logits[stated], labels[stated] == 1
    positives, negatives = int(present.sum()), int((~present).sum())
    if not positives or not negatives:
        return None
    targets = np.where(present, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    centre, spread = float(z.mean()), float(z.std())
    free = min(positives, negatives) >= MIN_OF_EACH and spread > 0
    if not free:
        return 1.0, _intercept(z, targets)
    # Fitted on standardised logits: the optimum is the same and large logits cannot stall the search.
    slope, offset = _logistic_fit((z - centre) / spread, targets)
    return slope / spread, offset - slope * centre / spread


def _logistic_fit(x: Array, targets: Array) -> tuple[float, float]:
    from scipy.optimize import minimize
    from scipy.special import expit

    def loss(parameters: Array) -> tuple[float, Array]:
        slope, offset = parameters
        z = slope * x + offset
        error = expit(z) - targets
        return float(np.mean(np.logaddexp(0, z) - targets * z)), np.array(
            [np.mean(error * x), np.mean(error)]
        )

    rate = float(targets.mean())
    start = np.array([1.0, np.log(rate / (1 - rate))])
    tight = {"ftol": 1e-15, "gtol": 1e-10, "maxiter": 1000}
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=[(_MIN_SLOPE, None), (None, None)], options=tight
    )
    return float(found.x[0]), float(found.x[1])


def _intercept(z: Array, targets: Array) -> float:
    from scipy.optimize import brentq
    from scipy.special import expit, logit

    # The mean score rises with the offset, and is below / above the wanted rate at these two ends.
    rate = float(targets.mean())
    ends = float(logit(rate)) - z.max() - 1, float(logit(rate)) - z.min() + 1
    return float(brentq(lambda offset: float(expit(z + offset).mean()) - rate, *ends, xtol=1e-12))


def _scale(logits: Array, labels: Array) -> float:
    """1 / temperature of the lowest log loss (Guo et al., ICML 2017) of one finding; 1 without both kinds."""
    from scipy.optimize import minimize_scalar

    stated = ~np.isnan(labels)
    z, truth = logits[stated], labels[stated]
    if not (truth == 1).any() or not (truth == 0).any():
        return 1.0

    def loss(log_scale: float) -> float:
        scaled = np.exp(log_scale) * z
        return float(np.mean(np.logaddexp(0, scaled) - truth * scaled))

    found = minimize_scalar(loss, bounds=tuple(np.log(_SCALES)), method="bounded", options={"xatol": 1e-9})
    return float(np.exp(found.x))


def _temperature(logits: Array, labels: Array) -> Calibration:
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    stated = ~np.isnan(labels).any(axis=1)
    z, truth = logits[stated], labels[stated]
    if (truth.sum(axis=0) > 0).sum() < 2:
        return Calibration(kind="none")
    classes = truth.shape[1]
    moved = 1 / (len(truth) / classes + 2)  # Platt's target for a class of the mean size
    targets = truth * (1 - moved) + (1 - truth) * moved / (classes - 1)

    def loss(log_temperature: float) -> float:
        return -float((targets * log_softmax(z / np.exp(log_temperature), axis=1)).sum(axis=1).mean())

    found = minimize_scalar(
        loss, bounds=tuple(np.log(_TEMPERATURES)), method="bounded", options={"xatol": 1e-9}
    )
    return Calibration(kind="temperature", slope=(float(np.exp(-found.x)),), intercept=(0.0,))


def _checked(logits: ArrayLike, labels: ArrayLike) -> tuple[Array, Array]:
    values, truth = np.asarray(logits, np.float64), np.asarray(labels, np.float64)
    if values.ndim != 2 or values.shape != truth.shape:
        raise EvaluationError(
            f"expected logits and labels [n, classes], got shapes {values.shape} and {truth.shape}"
        )
    if not np.isfinite(values).all():
        raise EvaluationError("expected finite logits, got NaN or infinity")
    return values, truth
