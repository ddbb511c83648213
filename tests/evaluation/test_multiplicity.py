from __future__ import annotations

import doctest
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as hs

from overread.errors import EvaluationError
from overread.evaluation import multiplicity
from overread.evaluation.multiplicity import holm


def test_adjusted_values_are_those_of_r() -> None:
    # R 4: p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm")
    assert holm([0.01, 0.02, 0.03, 0.04, 0.05]) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])


@settings(max_examples=50)
@given(hs.lists(hs.integers(0, 100).map(lambda k: k / 100), max_size=5))
def test_it_is_the_closure_of_bonferroni_tests(p_values) -> None:
    sets = [one for size in range(1, 6) for one in itertools.combinations(range(len(p_values)), size)]
    expected = [
        max(min(1.0, len(one) * min(p_values[j] for j in one)) for one in sets if k in one)
        for k in range(len(p_values))
    ]
    assert holm(p_values) == pytest.approx(expected)


def test_undefined_tests_stay_undefined_and_do_not_count() -> None:
    found = holm([0.04, np.nan, 0.01])
    assert found[[0, 2]] == pytest.approx([0.04, 0.02])
    assert np.isnan(found[1])
    assert np.isnan(holm([np.nan])).all()


@pytest.mark.parametrize("wrong", [[0.2, 1.2], [-0.1], [[0.1]]])
def test_what_is_no_p_value_is_refused(wrong) -> None:
    with pytest.raises(EvaluationError, match="p values"):
        holm(wrong)


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(multiplicity).failed == 0
