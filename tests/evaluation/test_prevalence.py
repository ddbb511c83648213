from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as hs

from overread.errors import EvaluationError
from overread.evaluation import metrics, prevalence
from overread.evaluation.prevalence import npv_at, ppv_at


@settings(max_examples=40)
@given(hs.integers(0, 10_000))
def test_at_its_own_prevalence_nothing_changes(seed) -> None:
    rng = np.random.default_rng(seed)
    labels, called = rng.integers(0, 2, 30).astype(float), rng.random(30) < 0.5
    own = float(labels.mean())
    assert ppv_at(labels, called, prevalence=own) == pytest.approx(metrics.ppv(labels, called))
    assert npv_at(labels, called, prevalence=own) == pytest.approx(metrics.npv(labels, called))


def test_mammography_after_gigerenzer() -> None:
    # 1 % prevalence, sensitivity 90 %, specificity 91 %: of 98 calls 9 are right.
    labels = np.repeat([1.0, 0.0], [100, 100])
    called = np.concatenate([np.arange(100) < 90, np.arange(100) < 9])
    assert ppv_at(labels, called, prevalence=0.01) == pytest.approx(0.0917, abs=5e-5)
    assert npv_at(labels, called, prevalence=0.01) == pytest.approx(0.9989, abs=5e-5)


def test_what_is_undefined_is_nan() -> None:
    assert np.isnan(ppv_at([1.0, 1.0], np.array([True, False]), prevalence=0.1))
    assert np.isnan(npv_at([0.0], np.array([True]), prevalence=0.1))
    assert np.isnan(ppv_at([1.0, 0.0], np.array([False, False]), prevalence=0.1))


def test_a_prevalence_in_percent_is_refused() -> None:
    with pytest.raises(EvaluationError, match=r"`prevalence`.*got 5"):
        ppv_at([1.0, 0.0], np.array([True, False]), prevalence=5)


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(prevalence).failed == 0
