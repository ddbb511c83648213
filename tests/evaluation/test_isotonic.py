from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as hs
from sklearn.isotonic import IsotonicRegression

from overread.errors import EvaluationError
from overread.evaluation import isotonic
from overread.evaluation.isotonic import fit_isotonic, rising


@settings(max_examples=60, deadline=None)
@given(hs.lists(hs.tuples(hs.integers(-5, 5), hs.integers(1, 4)), min_size=1, max_size=20))
def test_pooling_agrees_with_scikit_learn(rows) -> None:
    values, weights = (np.array(part, float) for part in zip(*rows, strict=True))
    theirs = IsotonicRegression().fit_transform(np.arange(values.size), values, sample_weight=weights)
    assert rising(values, weights=weights) == pytest.approx(theirs)


@settings(max_examples=30, deadline=None)
@given(seed=hs.integers(0, 10_000), ties=hs.booleans())
def test_the_map_agrees_with_scikit_learn_inside_platts_targets(seed, ties) -> None:
    rng = np.random.default_rng(seed)
    labels = np.append([0.0, 1.0], rng.integers(0, 2, 60))
    logits = rng.normal(size=62) + labels
    logits = np.round(logits, 1) if ties else logits
    found = fit_isotonic(logits, labels)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(logits, labels)
    up, down = labels.sum(), (1 - labels).sum()
    new = np.append(logits, [-9.0, 9.0])
    expected = np.clip(theirs.predict(new), 1 / (down + 2), (up + 1) / (up + 2))
    assert found(new) == pytest.approx(expected)
    assert (np.diff(found(np.sort(new))) >= 0).all()


def test_images_without_a_label_are_left_out() -> None:
    with_gap = fit_isotonic([0.0, 1.0, 2.0, 9.0], [0.0, 1.0, 1.0, np.nan])
    assert (
        with_gap([0.0, 2.0]).tolist() == fit_isotonic([0.0, 1.0, 2.0], [0.0, 1.0, 1.0])([0.0, 2.0]).tolist()
    )


def test_separated_images_are_not_certain() -> None:
    found = fit_isotonic([-2.0, -1.0, 1.0, 2.0], [0.0, 0.0, 1.0, 1.0])
    assert found([-50.0, 50.0]) == pytest.approx([0.25, 0.75])


def test_what_cannot_be_fitted_is_refused() -> None:
    with pytest.raises(EvaluationError, match="got 2 and 0"):
        fit_isotonic([0.1, 0.2], [1.0, 1.0])
    with pytest.raises(EvaluationError, match="shapes"):
        fit_isotonic([0.1, 0.2], [1.0])


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(isotonic).failed == 0
