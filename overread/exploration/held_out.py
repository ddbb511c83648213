"""How well a few columns tell a class from the rest, on patients that were left out.

The reader is boosted trees, shallow and few: they need no scaling, see steps and interactions, take missing
values and categories as they are, and on 60 images are held down by the size of their leaves.

The AUC compares an image only with images of its own fold. Scores of different folds come from different
fits; pooling them makes the AUC of a factor that says nothing fall below 0.5, because a fold with more
positives than its share was scored by a fit that saw fewer (Parker, Günter & Bedo, BMC Bioinformatics 2007;
Airola et al., Comput. Stat. Data Anal. 2011).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from overread.evaluation.intervals import Interval, exact_interval
from overread.evaluation.statistics import Array, Statistic, ratio, roc_auc_of
from overread.exploration.factors import Column

MOST_LEVELS = 30
"""Categories that are told apart: the most common of the training folds. The others are pooled, as are those
with fewer images than a leaf needs."""

_TREES, _DEPTH, _LEAF, _RATE = 30, 2, 10, 0.1


def deal_folds(labels: Array, patients: NDArray[np.int64], *, folds: int, seed: int) -> NDArray[np.int64]:
    """A fold for each image, int64 [n]: patients stay whole, and folds get like shares of positives.

    Patients are dealt like cards, those with most positives first and otherwise in an order drawn by `seed`;
    which fold begins changes every round.

    Args:
        labels: 0 or 1, [n].
        patients: [n], numbers from 0.
        folds: How many, at least 2.
        seed: Of the order.
    """
    rng = np.random.default_rng(seed)
    images = np.bincount(patients)
    positives = np.bincount(patients, weights=labels)
    order = np.lexsort((rng.permutation(images.size), -images, -positives))
    rounds = -(-order.size // folds)
    deal = np.concatenate([rng.permutation(folds) for _ in range(rounds)])[: order.size]
    fold_of_patient = np.empty(order.size, np.int64)
    fold_of_patient[order] = deal
    return fold_of_patient[patients]


def held_out_scores(columns: Sequence[Column], labels: Array, fold_of: NDArray[np.int64]) -> Array:
    """The scores of trees that never saw the image's fold: float64 [n], 0..1.

    Args:
        columns: Of n images.
        labels: 0 or 1, [n].
        fold_of: [n], numbers from 0.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    scores = np.full(labels.size, np.nan)
    with threadpool_limits(limits=1):  # a fit lasts milliseconds; waking threads for it costs more
        for fold in range(int(fold_of.max()) + 1):
            inside, outside = fold_of != fold, fold_of == fold
            trees = HistGradientBoostingClassifier(
                max_iter=_TREES,
                max_depth=_DEPTH,
                min_samples_leaf=_LEAF,
                learning_rate=_RATE,
                early_stopping=False,
                categorical_features=[bool(column.levels) for column in columns],
                random_state=0,
            )
            features = np.column_stack([_features(column, inside) for column in columns])
            trees.fit(features[inside], labels[inside] == 1)
            scores[outside] = trees.predict_proba(features[outside])[:, 1]
    return scores


def within_folds_auc_of(labels: Array, scores: Array, fold_of: NDArray[np.int64]) -> Statistic:
    """Area under the ROC curve over the pairs of images of one fold, ties counted half.

    Args:
        labels: 1, 0, or NaN for an image that is left out: [n].
        scores: [n], comparable inside a fold.
        fold_of: [n].
    """
    stated = ~np.isnan(labels)
    parts = [np.flatnonzero(stated & (fold_of == fold)) for fold in np.unique(fold_of[stated])]
    areas = [roc_auc_of(labels[part], scores[part]) for part in parts]

    def statistic(weights: Array) -> Array:
        won, pairs = np.zeros(len(weights)), np.zeros(len(weights))
        for part, area in zip(parts, areas, strict=True):
            here = weights[:, part]
            positive = here @ labels[part]
            count = positive * (here.sum(axis=1) - positive)
            won += np.where(count > 0, area(here), 0.0) * count
            pairs += count
        return ratio(won, pairs)

    return statistic


def widened(found: Interval, *, folds: int, patients: int) -> Interval:
    """The interval of a cross-validated AUC from that of its held-out scores.

    Resampling held-out scores knows which patients were asked, not which ones the trees were fitted to. With
    nothing to be learnt the figure varies 1.3 to 1.5 times as much as it says. The variance is multiplied by
    1 + k / (k - 1) for k folds, which is that of Nadeau & Bengio (Inference for the generalization error,
    Machine Learning 2003, eq. 9) for a test part of 1 / (k - 1) of the training part. Where no resample can
    differ, since every pair is in order, the bound is that of as many successes as there are patients.

    Args:
        found: Of the held-out scores.
        folds: k, at least 2.
        patients: With or without the finding, whichever are fewer.
    """
    if found.value in (0.0, 1.0):
        low, high = exact_interval(round(found.value * patients), patients)
        return replace(found, low=low, high=high, method="exact")
    factor = (1 + folds / (folds - 1)) ** 0.5
    low = max(0.0, found.value - factor * max(0.0, found.value - found.low))
    high = min(1.0, found.value + factor * max(0.0, found.high - found.value))
    return replace(found, low=low, high=high)


def _features(column: Column, inside: NDArray[np.bool_]) -> Array:
    """A column as the trees take it: numbers as they are, rare categories pooled by the training folds."""
    if not column.levels:
        return column.values
    codes = column.values.astype(np.int64)
    counts = np.bincount(codes[inside], minlength=len(column.levels))
    place = np.full(counts.size, MOST_LEVELS)
    common = np.argsort(-counts, kind="stable")[:MOST_LEVELS]
    common = common[counts[common] >= _LEAF]
    place[common] = np.arange(common.size)
    return place[codes].astype(np.float64)
