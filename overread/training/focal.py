"""The focal loss of a linear head, and the head that makes it least."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from overread.training.network import Task

Array = npt.NDArray[np.float64]

_LEAST = 1e-12


def focal_loss(
    logits: Array, targets: npt.NDArray[np.floating], *, task: Task, gamma: float
) -> tuple[Array, Array]:
    """-(1 - p) ** gamma * log(p) of the score p of what is true (Lin et al. 2017, eq. 4), and its slope.

    Args:
        logits: `[n, outputs]`.
        targets: `[n, classes]`, 1, 0 or NaN.
        task: Multiclass: p is the softmax of the class that is present. Else each class has its own.
        gamma: 0 gives the plain log loss.

    Returns:
        The loss of each image, `[n]`, summed over its classes, and the derivative by the logits
        `[n, outputs]`; targets that are not stated have neither.
    """
    if task == "multiclass":
        shifted = logits - logits.max(1, keepdims=True)
        log_all = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
        truth = np.argmax(targets, 1)
        loss, slope = _terms(log_all[np.arange(len(logits)), truth], gamma)
        return loss, slope[:, None] * (np.eye(logits.shape[1])[truth] - np.exp(log_all))
    side = np.where(np.isnan(targets), 0.0, np.where(targets > 0.5, 1.0, -1.0))
    log_p = -np.logaddexp(0, -side * logits)
    loss, slope = _terms(log_p, gamma)
    return np.where(side == 0, 0.0, loss).sum(1), side * slope * -np.expm1(log_p)


def _terms(log_p: Array, gamma: float) -> tuple[Array, Array]:
    """The loss, and p times its derivative by p."""
    p, rest = np.exp(log_p), np.maximum(-np.expm1(log_p), _LEAST)
    dampened = rest**gamma
    return -dampened * log_p, gamma * dampened / rest * p * log_p - dampened


def fit_focal(
    x: Array,
    targets: npt.NDArray[np.floating],
    start: tuple[Array, Array],
    *,
    task: Task,
    penalty: float,
    gamma: float,
) -> tuple[Array, Array]:
    """Weights and biases with the least focal loss plus L2 penalty, from a start by L-BFGS.

    The loss is not convex for gamma > 0; from the logistic regression's solution the search always ends in
    the same place.

    Args:
        x: `[n, d]`, standardised.
        targets: `[n, classes]`.
        start: Weight `[outputs, d]` and bias `[outputs]`.
        task: As `focal_loss`.
        penalty: Inverse strength: what is made least is `penalty * sum(loss) + sum(weight ** 2) / 2`.
        gamma: As `focal_loss`.
    """
    from scipy.optimize import minimize

    outputs, width = start[0].shape

    def cost(parameters: Array) -> tuple[float, Array]:
        weight, bias = parameters[:-outputs].reshape(outputs, width), parameters[-outputs:]
        loss, slope = focal_loss(x @ weight.T + bias, targets, task=task, gamma=gamma)
        gradient = np.concatenate([(penalty * slope.T @ x + weight).ravel(), penalty * slope.sum(0)])
        return float(penalty * loss.sum() + (weight**2).sum() / 2), gradient

    found = minimize(
        cost,
        np.concatenate([start[0].ravel(), start[1]]),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 2000, "maxfun": 5000, "ftol": 1e-13, "gtol": 1e-7},
    )
    return found.x[:-outputs].reshape(outputs, width), found.x[-outputs:]
