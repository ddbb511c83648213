"""Heads of scikit-learn and XGBoost: a small declared grid, judged on patients left out, and cross-fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from overread.training.blocks import WEIGHTS, shown_to_trees
from overread.training.grown_trees import Setting, grow, xgboost_library
from overread.training.heads import (
    PENALTIES,
    FeatureCopies,
    FittedHead,
    Part,
    fit_part,
    grouped_folds,
    images_inside,
    log_loss,
    merge_heads,
    problems_of,
)
from overread.training.imbalance import Imbalance
from overread.training.network import LinearHead, Task
from overread.training.reduction import Kind as Reduce
from overread.training.reduction import Reduction, fit_reduction
from overread.training.stand_in import fit_stand_in
from overread.training.trees import Ensemble, ExplainedHead, TreeHead

Array = npt.NDArray[np.float64]
TunedKind = Literal["logistic", "random-forest", "gradient-boosting", "xgboost"]

SIZES = (32, 128)
BOOSTING = tuple({"depth": depth, "rate": rate} for depth in (1.0, 3.0) for rate in (0.03, 0.1))
GRIDS: dict[TunedKind, tuple[Setting, ...]] = {
    "logistic": tuple({"C": penalty} for penalty in PENALTIES),
    "random-forest": ({"leaf": 1.0}, {"leaf": 3.0}, {"leaf": 10.0}),
    "gradient-boosting": BOOSTING,
    "xgboost": BOOSTING,
}


@dataclass(frozen=True)
class _Fitted:
    """One point of the grid: the head of each fold, and what it says of the images left out."""

    setting: Setting
    size: int
    reductions: list[Reduction]
    heads: list[LinearHead] | list[Ensemble]
    held_out: Array
    loss: float


def fit_tuned_head(
    features: npt.NDArray[np.floating],
    targets: npt.NDArray[np.floating],
    *,
    kind: TunedKind,
    reduce: Reduce,
    task: Task,
    groups: npt.NDArray[np.int64],
    folds: int,
    imbalance: Imbalance,
    seed: int,
    copies: FeatureCopies | None = None,
    beside: int = 0,
    grid: Sequence[Setting] | None = None,
    sizes: Sequence[int] = SIZES,
) -> FittedHead:
    """Fit each setting of a grid once a fold of patients, keep the one of lowest log loss on those left out.

    Everything that learns from labels or features, the reduction too, learns inside the fold. The heads of
    the folds are averaged as those of `heads.fit_head` are, and the arguments are the same, but for:

    Args:
        features: `float [n, d]`; float32 numbers, or trees will be asked about others than they grew on.
        targets: `float [n, classes]`.
        kind: Which head.
        reduce: Fewer features first; how many is part of the grid.
        task: As there.
        groups: As there.
        folds: As there.
        imbalance: Class weights and balanced sampling weigh images; the focal loss is for "logistic" alone.
        seed: As there.
        copies: As there.
        beside: As there; metadata are never reduced.
        grid: Settings to try; None: those of `GRIDS`.
        sizes: How many features to try to reduce to.

    Raises:
        TrainingError: A class has too few patients for two folds.
    """
    if imbalance.gamma and kind != "logistic":
        raise ValueError(f"expected a loss that {kind} can be grown by, got the focal loss")
    fold_of = grouped_folds(targets, groups, task=task, folds=folds, seed=seed)
    count = int(fold_of.max()) + 1
    x = np.asarray(features, np.float64)
    parts = [
        images_inside(x, targets, fold_of != fold, copies, imbalance, task=task, beside=beside)
        for fold in range(count)
    ]

    def tried(reductions: list[Reduction], size: int, setting: Setting) -> _Fitted:
        heads, held_out = _cross_fit(
            kind,
            x,
            targets,
            fold_of,
            parts,
            reductions,
            setting=setting,
            task=task,
            imbalance=imbalance,
            seed=seed,
        )
        return _Fitted(setting, size, reductions, heads, held_out, log_loss(held_out, targets, task=task))

    best: _Fitted | None = None
    for size in (0,) if reduce == "none" else sizes:
        reductions = [
            fit_reduction(
                part.features, problems_of(part.targets, task), kind=reduce, size=size, beside=beside
            )
            for part in parts
        ]
        for chosen in grid or GRIDS[kind]:
            best = _better(best, tried(reductions, size, chosen))
    assert best is not None
    if beside and kind == "logistic":
        first = best.setting | {"metadata": WEIGHTS[0]}
        best = replace(best, setting=first)
        for weight in WEIGHTS[1:]:
            best = _better(best, tried(best.reductions, best.size, first | {"metadata": weight}))
    of_size = {"features": float(best.size)} if best.size else {}
    facts: dict[str, float | str] = {
        "head": kind,
        "folds": count,
        "reduce": reduce,
        **best.setting,
        **of_size,
    }
    if kind == "xgboost":
        facts["library"] = xgboost_library()
    return finished_head(kind, best.heads, x, best.held_out, fold_of, facts, beside=beside)


def finished_head(
    kind: TunedKind,
    heads: Sequence[LinearHead | Ensemble],
    x: Array,
    held_out: Array,
    fold_of: npt.NDArray[np.int64],
    facts: dict[str, float | str],
    *,
    beside: int,
) -> FittedHead:
    """The heads of the folds as one, with a linear stand-in for heat maps where they are of trees.

    Args:
        kind: Which heads.
        heads: One a fold.
        x: `[n, d]`, features of the images.
        held_out: `[n, outputs]`, logits of each image by the head that left it out.
        fold_of: `[n]`.
        facts: For the record.
        beside: How many of the last features are metadata.
    """
    module = _joined(heads)
    if isinstance(module, LinearHead):
        return FittedHead(module.eval(), held_out, fold_of, facts)
    stand_in = fit_stand_in(x, held_out, fold_of, beside=beside)
    facts["explained"] = round(stand_in.explained, 3)
    said = (
        f"The heat maps are those of a linear stand-in for the {kind} head, which has none of its own; on "
        f"patients left out it explains {max(stand_in.explained, 0.0):.0%} of the variation of the head's "
        "log-odds. Scores and decisions are the head's own."
    )
    return FittedHead(ExplainedHead(module, stand_in.head).eval(), held_out, fold_of, facts, (said,))


def _better(best: _Fitted | None, other: _Fitted) -> _Fitted:
    """The one of lower loss; only what is clearly lower counts: the rounding of sums is no reason."""
    return other if best is None or other.loss < best.loss - 1e-9 else best


def _cross_fit(
    kind: TunedKind,
    x: Array,
    targets: npt.NDArray[np.floating],
    fold_of: npt.NDArray[np.int64],
    parts: list[Part],
    reductions: list[Reduction],
    *,
    setting: Setting,
    task: Task,
    imbalance: Imbalance,
    seed: int,
) -> tuple[list[LinearHead] | list[Ensemble], Array]:
    """The head of each fold, and what it says of the images left out, `[n, outputs]`."""
    held_out = np.full(targets.shape, np.nan)
    linear: list[LinearHead] = []
    ensembles: list[Ensemble] = []
    for fold, (part, reduction) in enumerate(zip(parts, reductions, strict=True)):
        head: nn.Module
        if kind == "logistic":
            fewer = replace(part, features=reduction.apply(part.features))
            weight, bias = fit_part(
                fewer,
                task=task,
                penalty=setting["C"],
                imbalance=imbalance,
                weight=setting.get("metadata", WEIGHTS[0]),
            )
            head = LinearHead(*reduction.unfold(weight, bias, width=x.shape[1]))
            linear.append(head)
        else:
            ensembles.append(_grow_part(kind, part, reduction, setting=setting, task=task, seed=seed + fold))
            head = TreeHead(ensembles[-1:])
        outside = fold_of == fold
        with torch.no_grad():
            held_out[outside] = head(torch.from_numpy(x[outside].astype(np.float32))).numpy()
    return linear or ensembles, held_out


def _grow_part(
    kind: Literal["random-forest", "gradient-boosting", "xgboost"],
    part: Part,
    reduction: Reduction,
    *,
    setting: Setting,
    task: Task,
    seed: int,
) -> Ensemble:
    """Trees on what the network will compute: sums of features in float32, as it adds them."""
    projection = None
    fewer = part.features[:, reduction.columns].astype(np.float32)
    if reduction.matrix is not None and reduction.offset is not None:
        projection = (reduction.matrix, reduction.offset)
        layer = LinearHead(*projection)
        with torch.no_grad():
            fewer = layer(torch.from_numpy(part.features.astype(np.float32))).numpy()
    problems = []
    for at, (known, labels) in enumerate(problems_of(part.targets, task)):
        weights = (
            part.remedy.class_weights[labels]
            if task == "multiclass"
            else part.remedy.class_weights[at][labels]
        )
        if part.remedy.chances is not None:
            weights = weights * part.remedy.chances[known]
        problems.append((known, labels, weights))
    shown = shown_to_trees(fewer, part.beside)
    grown = grow(
        kind,
        np.ascontiguousarray(fewer[:, shown]) if part.beside else fewer,
        problems,
        classes=part.targets.shape[1],
        competing=task == "multiclass",
        setting=setting,
        seed=seed,
    )
    trees = replace(grown.trees, feature=shown[grown.trees.feature])
    if projection is None:
        trees = replace(trees, feature=reduction.columns[trees.feature])
    return replace(grown, trees=trees, offset=part.remedy.offset, projection=projection)


def _joined(heads: Sequence[LinearHead | Ensemble]) -> nn.Module:
    ensembles = [head for head in heads if isinstance(head, Ensemble)]
    if ensembles:
        return TreeHead(ensembles)
    return merge_heads([head for head in heads if isinstance(head, LinearHead)])
