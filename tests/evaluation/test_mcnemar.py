from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import binom, binomtest, chi2

from overread.errors import EvaluationError
from overread.evaluation.mcnemar import mcnemar


def decisions(first_only: int, second_only: int, both: int = 5, neither: int = 3):
    """Positives on which the first reader alone, the second alone, both or neither is right."""
    first = np.repeat([True, False, True, False], [first_only, second_only, both, neither])
    second = np.repeat([False, True, True, False], [first_only, second_only, both, neither])
    return np.ones(first.size), first, second


@pytest.mark.parametrize(("b", "c"), [(1, 8), (6, 6), (0, 5), (13, 4), (1, 0)])
def test_the_exact_p_is_that_of_a_binomial_test_on_the_images_they_differ_on(b, c) -> None:
    found = mcnemar(*decisions(b, c), exact=True)
    assert found.p_value == pytest.approx(binomtest(b, b + c).pvalue)
    assert (found.first_only, found.second_only, found.images, found.method) == (b, c, b + c + 8, "exact")
    assert found.difference == pytest.approx((b - c) / (b + c + 8))


def test_published_mid_p_and_exact_p() -> None:
    # Bentur et al. 2009 in Fagerland, Lydersen & Laake (2013), table 1: 1 against 7 of 21 children.
    table = decisions(1, 7, both=1, neither=12)
    assert mcnemar(*table, exact=True).p_value == pytest.approx(0.0703, abs=5e-5)
    assert mcnemar(*table).p_value == pytest.approx(0.0391, abs=5e-5)


@pytest.mark.parametrize(("b", "c"), list(itertools.product(range(4), range(4))))
def test_mid_p_counts_half_of_what_was_seen(b, c) -> None:
    seen = binom.pmf(b, b + c, 0.5)
    tails = [seen / 2 + binom.cdf(min(b, c) - 1, b + c, 0.5), 0.5]
    found = mcnemar(*decisions(b, c)).p_value
    assert found == pytest.approx(2 * min(tails))
    assert found <= 1


def test_negatives_count_as_right_when_not_called() -> None:
    found = mcnemar([0, 0, 0, 1], [False, False, True, True], [True, True, True, True])
    assert (found.first_only, found.second_only) == (2, 0)


def test_a_reader_against_itself_shows_no_difference() -> None:
    labels, first, _ = decisions(3, 4)
    for settings in ({}, {"exact": True}, {"groups": np.arange(labels.size) // 2}):
        assert mcnemar(labels, first, first, **settings).p_value == 1


def test_with_one_image_a_patient_the_clustered_test_is_the_chi_square_without_correction() -> None:
    found = mcnemar(*decisions(12, 4), groups=np.arange(24))
    assert found.p_value == pytest.approx(chi2.sf((12 - 4) ** 2 / (12 + 4), 1))
    assert found.method == "clustered"


def test_images_of_one_patient_do_not_count_as_so_many_facts() -> None:
    labels, first, second = (np.repeat(part, 5) for part in decisions(12, 4))
    patients = np.repeat(np.arange(24), 5)
    assert mcnemar(labels, first, second, groups=patients).p_value == pytest.approx(
        mcnemar(*decisions(12, 4), groups=np.arange(24)).p_value
    )
    assert mcnemar(labels, first, second).p_value < 1e-4


def test_the_clustered_test_keeps_its_level_where_the_plain_one_does_not() -> None:
    rng = np.random.default_rng(0)
    wrong = np.zeros(2)
    for _ in range(400):
        groups = np.repeat(np.arange(60), 5)
        better = rng.choice([0.1, 0.9], 60)[groups]  # of a patient one reader gets most, which one is chance
        first = rng.random(groups.size) < better
        second = rng.random(groups.size) < 1 - better
        tests = [mcnemar(np.ones(300), first, second, groups=unit).p_value for unit in (groups, None)]
        wrong += np.array(tests) < 0.05
    clustered, plain = wrong / 400
    assert 0.02 <= clustered <= 0.08
    assert plain > 0.2


def test_nothing_to_compare_is_undefined() -> None:
    found = mcnemar([np.nan], [True], [False])
    assert np.isnan([found.difference, found.p_value]).all()
    assert np.isnan(mcnemar([np.nan], [True], [False], groups=[1]).p_value)


def test_groups_of_another_length_are_refused() -> None:
    with pytest.raises(EvaluationError, match="each of 2 images"):
        mcnemar([0, 1], [True, True], [False, True], groups=[1, 2, 3])
