"""Heads on cached features: fitted once a fold of patients, averaged, with scores for images not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from overread.cohort.folds import assign_folds
from overread.cohort.labels import stratum_columns
from overread.errors import TrainingError
from overread.training.blocks import WEIGHTS, column_scales, unit_scales
from overread.training.focal import fit_focal
from overread.training.imbalance import Imbalance, Remedy, remedy_for
from overread.training.loop import fit_mlp
from overread.training.network import FocalHead, LinearHead, MeanHead, MLPHead, Task, proper_logits

Array = npt.NDArray[np.float64]
# In units of features scaled to unit length, so that one grid serves 64 features and 2,048.
PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
MOST_NEWTON_WEIGHTS = 3000


@dataclass(frozen=True)
class FittedHead:
    """A head with honest logits of the images it was fitted on.

    Attributes:
        module: Features `[..., d]` to logits `[..., outputs]`.
        held_out_logits: `[n, outputs]`, for each image by the head of the fold that left its patient out.
        folds: `[n]`, which fold that was.
        setting: What was chosen on the way, for the record.
        notes: Sentences that the report must show.
    """

    module: nn.Module
    held_out_logits: Array
    folds: npt.NDArray[np.int64]
    setting: dict[str, float | str]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FeatureCopies:
    """Features of copies that were made of some images.

    Attributes:
        features: `float [m, d]`.
        origin: `int [m]`, the row of the image that each was made of.
    """

    features: npt.NDArray[np.floating]
    origin: npt.NDArray[np.int64]


def fit_head(
    features: npt.NDArray[np.floating],
    targets: npt.NDArray[np.floating],
    *,
    kind: Literal["linear", "mlp"],
    task: Task,
    groups: npt.NDArray[np.int64],
    folds: int,
    imbalance: Imbalance,
    seed: int,
    copies: FeatureCopies | None = None,
    beside: int = 0,
) -> FittedHead:
    """Fit one head a fold of patients and average them (cross-fitting, as in Platt 1999 §2.1).

    Averaging the logits of linear heads is one linear head, so that the reader costs no more.

    Args:
        features: `float [n, d]`.
        targets: `float [n, classes]`, 1 present, 0 absent, NaN not stated.
        kind: "linear" or "mlp".
        task: Binary and multilabel heads have one logit a class, multiclass ones compete.
        groups: `int [n]`, images of one patient share a number and stay in one fold.
        folds: How many heads.
        imbalance: What is done about rare classes. A linear head has no order of images to draw, so that
            "balanced-sampling" weighs them by how often they would be drawn.
        seed: Of folds, dropout and order.
        copies: What is fitted beside the images, but in the folds of their origins, and never scored.
        beside: How many of the last features are encoded metadata (`overread.training.blocks`).

    Raises:
        TrainingError: A class has too few patients for two folds.
    """
    fold_of = grouped_folds(targets, groups, task=task, folds=folds, seed=seed)
    count = int(fold_of.max()) + 1
    x = np.asarray(features, np.float64)
    held_out = np.full(targets.shape, np.nan)
    heads: list[nn.Module] = []
    setting: dict[str, float | str] = {"head": kind, "folds": count}
    parts = [
        images_inside(x, targets, fold_of != fold, copies, imbalance, task=task, beside=beside)
        for fold in range(count)
    ]
    penalty = weight = 1.0
    if kind == "linear":
        penalty, weight = _choose_penalty(x, targets, fold_of, parts, task=task, imbalance=imbalance)
        setting |= {"C": penalty, **({"metadata": weight} if beside else {})}
    for fold, part in enumerate(parts):
        outside = fold_of == fold
        head: nn.Module
        if kind == "linear":
            fitted = fit_part(part, task=task, penalty=penalty, imbalance=imbalance, weight=weight)
            head = LinearHead(*fitted)
        else:
            head = fit_mlp(
                _fresh_mlp(part, targets.shape[1], seed=seed + fold),
                part.features,
                part.targets,
                task=task,
                remedy=part.remedy,
                seed=seed + fold,
            )
        scored = FocalHead(head, task=task, gamma=imbalance.gamma) if imbalance.gamma else head
        with torch.no_grad():
            held_out[outside] = scored.eval()(torch.from_numpy(x[outside].astype(np.float32))).numpy()
        heads.append(head)
    module = merge_heads(heads)
    if imbalance.gamma:
        module = FocalHead(module, task=task, gamma=imbalance.gamma).eval()
    return FittedHead(module, held_out, fold_of, setting)


@dataclass(frozen=True)
class Part:
    """What one head is fitted to; `beside` of the last features are metadata."""

    features: Array
    targets: Array
    remedy: Remedy
    beside: int = 0


def images_inside(
    x: Array,
    targets: npt.NDArray[np.floating],
    inside: npt.NDArray[np.bool_],
    copies: FeatureCopies | None,
    imbalance: Imbalance,
    *,
    task: Task,
    beside: int = 0,
) -> Part:
    """Some of the images, and behind them the copies made of them."""
    features, wanted, count = x[inside], np.asarray(targets[inside], np.float64), 0
    if copies is not None:
        of_these = inside[copies.origin]
        count = int(of_these.sum())
        features = np.concatenate([features, copies.features[of_these].astype(np.float64)])
        wanted = np.concatenate([wanted, targets[copies.origin[of_these]]])
    return Part(features, wanted, remedy_for(imbalance, wanted, task=task, copies=count), beside)


def fit_part(
    part: Part, *, task: Task, penalty: float, imbalance: Imbalance, weight: float = 1.0
) -> tuple[Array, Array]:
    """A linear head whose logits are those of the images as they are, whatever weights it was fitted with."""
    weights, bias = fit_linear(
        part.features,
        part.targets,
        task=task,
        penalty=penalty,
        balanced=imbalance.kind == "class-weights",
        chances=part.remedy.chances,
        gamma=part.remedy.gamma,
        scales=unit_scales(part.features, beside=part.beside, weight=weight),
    )
    return weights, bias - part.remedy.offset


def fit_linear(
    features: Array,
    targets: npt.NDArray[np.floating],
    *,
    task: Task,
    penalty: float,
    balanced: bool,
    chances: Array | None = None,
    gamma: float = 0.0,
    scales: Array | None = None,
) -> tuple[Array, Array]:
    """Logistic regression with an L2 penalty on standardised features, given back for raw ones.

    Args:
        features: `[n, d]`.
        targets: `[n, classes]`, NaN not stated.
        task: One regression a class, or one multinomial regression.
        penalty: Inverse strength (scikit-learn's C), for features scaled to unit length.
        balanced: Weigh classes inversely to their share.
        chances: `[n]`, weights of the images.
        gamma: Above 0 the focal loss takes the place of the log loss; not beside weights.
        scales: `[d]`, what each feature is divided by; None: all alike, so that images have unit length.

    Returns:
        weight `[outputs, d]` and bias `[outputs]`: logits are `features @ weight.T + bias`.
    """
    from sklearn.linear_model import LogisticRegression

    mean = features.mean(0)
    scale = unit_scales(features) if scales is None else scales
    x, basis = _within_span((features - mean) / scale)
    # Newton's steps need a matrix of all weights; past this size it costs more than it saves.
    many = x.shape[1] * (targets.shape[1] if task == "multiclass" else 1) > MOST_NEWTON_WEIGHTS
    weights: list[Array] = []
    biases: list[Array] = []
    for known, labels in problems_of(targets, task):
        if len(np.unique(labels)) < (targets.shape[1] if task == "multiclass" else 2):
            raise TrainingError(
                "a class is present in all images of train or in none",
                todo="add images of the other kind, or leave the class out",
            )
        model = LogisticRegression(
            C=penalty,
            class_weight="balanced" if balanced else None,
            solver="lbfgs" if many else "newton-cholesky",
            tol=1e-6,
            max_iter=2000,
        )
        model.fit(x[known], labels, None if chances is None else chances[known])
        weights.append(np.atleast_2d(model.coef_))
        biases.append(np.atleast_1d(model.intercept_))
    weight = np.concatenate(weights)
    bias = np.concatenate(biases)
    if task == "multiclass" and len(weight) == 1:  # scikit-learn gives one row for two classes
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    if gamma:
        weight, bias = fit_focal(x, targets, (weight, bias), task=task, penalty=penalty, gamma=gamma)
    weight = weight @ basis.T / scale
    return weight, bias - weight @ mean


def _within_span(x: Array) -> tuple[Array, Array]:
    """Rows `[n, d]` in coordinates of their own span, `[n, k]`, and its orthonormal basis `[d, k]`.

    The weights of least norm that fit some rows lie in the rows' span (the representer theorem, Kimeldorf &
    Wahba 1971), so that a regression of few images on many features is one on as many features as images.
    """
    if x.shape[1] <= len(x):
        return x, np.eye(x.shape[1])
    basis, coordinates = np.linalg.qr(x.T)
    return np.ascontiguousarray(coordinates.T), basis


def grouped_folds(
    targets: npt.NDArray[np.floating],
    groups: npt.NDArray[np.int64],
    *,
    task: Task,
    folds: int,
    seed: int,
) -> npt.NDArray[np.int64]:
    """A fold for each image, `[n]`: patients stay whole and folds keep class shares as well as they can.

    Where a class has fewer patients than folds are asked for, fewer are made: every head sees every class.

    Raises:
        TrainingError: A class, or its absence, is in images of fewer than two patients.
    """
    ids = [f"{row:09d}" for row in range(len(targets))]
    strata = stratum_columns(np.asarray(targets, np.float32))
    fewest = min(len(np.unique(groups[kind])) for kind in _kinds(targets, task))
    for count in range(min(folds, fewest), 1, -1):
        drawn = assign_folds(ids, groups.tolist(), strata=strata, folds=count, seed=seed)
        fold_of = np.array(drawn, np.int64)
        if all((kind & (fold_of != fold)).any() for kind in _kinds(targets, task) for fold in range(count)):
            return fold_of
    raise TrainingError(
        f"a class, or its absence, is in images of {fewest} patient{'s' * (fewest != 1)}, expected enough "
        "to leave some out",
        todo="add patients of that kind, or leave the class out",
    )


def _choose_penalty(
    x: Array,
    targets: npt.NDArray[np.floating],
    fold_of: npt.NDArray[np.int64],
    parts: list[Part],
    *,
    task: Task,
    imbalance: Imbalance,
) -> tuple[float, float]:
    """The penalty, and then the weight of metadata, with the lowest log loss on patients left out."""

    def loss(penalty: float, weight: float) -> float:
        logits = np.full(targets.shape, np.nan)
        for fold, part in enumerate(parts):
            outside = fold_of == fold
            weights, bias = fit_part(part, task=task, penalty=penalty, imbalance=imbalance, weight=weight)
            logits[outside] = x[outside] @ weights.T + bias
        if imbalance.gamma:
            plain = proper_logits(torch.from_numpy(logits), task=task, gamma=imbalance.gamma)
            logits = np.asarray(plain.numpy(), np.float64)
        return log_loss(logits, targets, task=task)

    losses = [loss(penalty, WEIGHTS[0]) for penalty in PENALTIES]
    penalty = PENALTIES[int(np.argmin(losses))]
    if not parts[0].beside:
        return penalty, WEIGHTS[0]
    weighed = [min(losses), *(loss(penalty, weight) for weight in WEIGHTS[1:])]
    return penalty, WEIGHTS[int(np.argmin(weighed))]


def log_loss(logits: Array, targets: npt.NDArray[np.floating], *, task: Task) -> float:
    """Mean negative log likelihood of targets `[n, classes]` under logits `[n, outputs]`, NaN left out."""
    if task == "multiclass":
        shifted = logits - logits.max(1, keepdims=True)
        log_share = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
        return float(-log_share[np.arange(len(logits)), np.argmax(targets, 1)].mean())
    losses = np.logaddexp(0, logits) - targets * logits
    return float(np.nanmean(losses))


def problems_of(
    targets: npt.NDArray[np.floating], task: Task
) -> list[tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]]:
    """The regressions to fit: which rows are known, and their labels."""
    if task == "multiclass":
        return [(np.ones(len(targets), bool), np.argmax(targets, 1))]
    problems = []
    for column in targets.T:
        known = ~np.isnan(column)
        problems.append((known, column[known].astype(np.int64)))
    return problems


def _fresh_mlp(part: Part, outputs: int, *, seed: int) -> MLPHead:
    torch.manual_seed(seed)
    return MLPHead(part.features.mean(0), column_scales(part.features, beside=part.beside), outputs)


def merge_heads(heads: Sequence[nn.Module]) -> nn.Module:
    """One head whose logits are the mean of these: linear ones become one linear head."""
    linear = [head.linear for head in heads if isinstance(head, LinearHead)]
    if len(linear) == len(heads):
        weight = np.mean([layer.weight.detach().numpy() for layer in linear], 0)
        bias = np.mean([layer.bias.detach().numpy() for layer in linear], 0)
        return LinearHead(weight, bias).eval()
    return MeanHead(list(heads)).eval()


def _kinds(targets: npt.NDArray[np.floating], task: Task) -> list[npt.NDArray[np.bool_]]:
    """Rows `[n]` of each kind that a head must have seen: each class and, but for multiclass, its absence."""
    values = (1.0,) if task == "multiclass" else (1.0, 0.0)
    return [column == value for column in targets.T for value in values]
