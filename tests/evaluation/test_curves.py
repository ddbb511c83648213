from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as oracle

from overread.evaluation.curves import histogram, precision_recall_curve, reliability, roc_curve
from overread.evaluation.intervals import exact_interval
from tests.evaluation.made import make_scores


def data(n: int = 150) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, n).astype(float)
    scores = np.round(make_scores(rng, labels), 2)
    labels[::10] = np.nan
    return labels, scores


def test_the_roc_curve_is_that_of_scikit_learn_without_points_on_straight_stretches() -> None:
    labels, scores = data()
    stated = ~np.isnan(labels)
    fpr, tpr, _ = oracle.roc_curve(labels[stated], scores[stated], drop_intermediate=False)
    curve = roc_curve(labels, scores)
    x, y = np.array(curve.false_positive_rate), np.array(curve.sensitivity)
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert len(x) < len(fpr)
    assert oracle.auc(x, y) == pytest.approx(oracle.roc_auc_score(labels[stated], scores[stated]))
    assert {(round(a, 9), round(b, 9)) for a, b in zip(x, y, strict=True)} <= {
        (round(a, 9), round(b, 9)) for a, b in zip(fpr, tpr, strict=True)
    }


def test_the_precision_recall_curve_is_that_of_scikit_learn() -> None:
    labels, scores = data()
    stated = ~np.isnan(labels)
    precision, recall, _ = oracle.precision_recall_curve(labels[stated], scores[stated])
    curve = precision_recall_curve(labels, scores)
    assert curve.recall == pytest.approx(recall[:-1][::-1])
    assert curve.precision == pytest.approx(precision[:-1][::-1])


def test_a_large_set_is_thinned_and_keeps_its_ends() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 20_000).astype(float)
    curve = roc_curve(labels, make_scores(rng, labels))
    assert len(curve.sensitivity) <= 400
    assert (curve.false_positive_rate[0], curve.sensitivity[-1]) == (0, 1)


@pytest.mark.parametrize("labels", [[0.0, 0.0], [1.0, 1.0], [np.nan, np.nan]])
def test_one_class_has_no_roc_curve(labels) -> None:
    assert roc_curve(labels, [0.1, 0.2]).sensitivity == ()


def test_reliability_counts_every_labelled_image_and_leaves_empty_bins_undefined() -> None:
    curve = reliability([1, 0, 0, np.nan], [0.95, 0.95, 0.05, 0.5])
    assert sum(curve.count) == 3
    assert curve.observed[9] == 0.5
    assert curve.mean_score[0] == pytest.approx(0.05)
    assert np.isnan(curve.observed[4])
    assert (curve.low[9], curve.high[9]) == exact_interval(1, 2)


def test_the_histogram_holds_every_labelled_image_once() -> None:
    curve = histogram([1, 1, 0, np.nan], [0.0, 1.0, 1.0, 0.3], bins=4)
    assert curve.positives == (1, 0, 0, 1)
    assert curve.negatives == (0, 0, 0, 1)
