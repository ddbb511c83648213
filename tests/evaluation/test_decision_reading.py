from __future__ import annotations

import numpy as np
import pytest

from overread.evaluation.clinical import NetBenefit
from overread.evaluation.decision_reading import (
    best_range,
    certainty_sentence,
    decision_sentence,
    example_sentence,
)

AT = tuple(np.round(np.arange(0.05, 1, 0.05), 2))


def curve(gains, *, band: float = 0.0) -> NetBenefit:
    """A curve whose reader lies by these gains above the better of everyone and nobody."""
    everyone = np.array([0.3 - 0.7 * t / (1 - t) for t in AT])
    reader = np.maximum(everyone, 0) + np.asarray(gains, float)
    return NetBenefit(
        threshold=AT,
        reader=tuple(reader),
        low=tuple(reader - band) if band else (),
        high=tuple(reader + band) if band else (),
        everyone=tuple(everyone),
    )


def gains(**runs) -> np.ndarray:
    values = np.full(len(AT), -0.01)
    for start, stop, height in runs.values():
        values[start:stop] = height
    return values


def test_the_range_is_where_the_reader_beats_both() -> None:
    found = best_range(curve(gains(a=(2, 8, 0.05))))
    assert found is not None
    assert (found.low, found.high) == (AT[2], AT[7])


def test_of_two_runs_the_one_that_gains_most_counts() -> None:
    found = best_range(curve(gains(a=(0, 3, 0.05), b=(5, 15, 0.001))))
    assert found is not None
    assert (found.low, found.high) == (AT[0], AT[2])


def test_the_sentence_says_how_many_one_would_examine() -> None:
    said = decision_sentence(curve(gains(a=(0, 10, 0.05))), one="malignant image")
    assert "between 2 and 20 images to find one malignant image" in said
    assert "5\u202f% to 50\u202f%" in said


def test_a_reader_that_helps_nobody_is_called_so() -> None:
    worse = curve(gains())
    assert best_range(worse) is None
    assert "helps no decision" in decision_sentence(worse, one="malignant image")
    assert certainty_sentence(worse, level=0.95) == example_sentence(worse) == ""


def test_certainty_is_where_the_band_lies_above_both() -> None:
    values = gains(a=(2, 8, 0.05))
    values[2] = 0.01
    assert "From 20\u202f% to 40\u202f%" in certainty_sentence(curve(values, band=0.02), level=0.95)
    assert "not lie above both" in certainty_sentence(curve(values, band=0.2), level=0.95)
    assert certainty_sentence(curve(values), level=0.95) == ""


def test_the_example_counts_what_the_curve_says_there() -> None:
    made = curve(gains(a=(2, 8, 0.05)))
    said = example_sentence(made)
    k = AT.index(0.25)
    assert said.startswith("At 25\u202f%, in 1,000 images it is worth")
    assert f"worth {1000 * made.reader[k]:.0f} found" in said
    assert f"everyone is worth {1000 * made.everyone[k]:.0f}".replace("-", "−") in said


@pytest.mark.parametrize("empty", [NetBenefit()])
def test_an_empty_curve_has_no_range(empty) -> None:
    assert best_range(empty) is None
