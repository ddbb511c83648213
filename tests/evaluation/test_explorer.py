from __future__ import annotations

import doctest
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overread.evaluation import explorer
from overread.evaluation.clinical import Clinical, Sweep
from overread.evaluation.explorer import Dial, Stop, dial_of, explorer_data, five_thresholds, of_thousand
from overread.evaluation.scores import Score, main_score
from tests.evaluation.made_report import make_evaluation, rates

SHARE = st.floats(0, 1)


def score_of(sweep: Sweep, *, name: str = "malignant", threshold: float = np.nan) -> Score:
    found = make_evaluation(n=20).evaluation.findings[0]
    return Score(
        name, name, 20, 80, threshold, found.figures if threshold == threshold else {}, found.curves,
        Clinical(sweep=sweep),
    )  # fmt: skip


@given(SHARE, SHARE, st.floats(0.001, 0.5))
def test_a_thousand_patients_are_a_thousand(sensitivity, specificity, prevalence) -> None:
    one = of_thousand(sensitivity, specificity, prevalence=prevalence)
    assert one.found + one.missed == one.present
    assert one.found + one.missed + one.alarms + one.passed == 1000
    assert min(one.found, one.missed, one.alarms, one.passed) >= 0
    assert abs(one.found - 1000 * prevalence * sensitivity) <= 1
    assert abs(one.alarms - 1000 * (1 - prevalence) * (1 - specificity)) <= 1


def test_predictive_values_are_those_of_patients_written_out() -> None:
    truth = np.repeat([1, 0], [50, 950])
    called = np.concatenate([np.repeat([True, False], [45, 5]), np.repeat([True, False], [190, 760])])
    one = of_thousand(0.9, 0.8, prevalence=0.05)
    assert one.ppv == pytest.approx(truth[called].mean())
    assert one.npv == pytest.approx(1 - truth[~called].mean())
    assert one.calls == pytest.approx(called.sum() / 45)


def test_where_nobody_is_called_a_call_is_worth_nothing_that_can_be_told() -> None:
    one = of_thousand(0.0, 1.0, prevalence=0.1)
    assert np.isnan([one.ppv, one.calls]).all()
    assert one.npv == pytest.approx(0.9)


def test_the_bundles_operating_point_is_among_the_stops_with_its_own_rates() -> None:
    made = make_evaluation(n=200)
    score = main_score(made.evaluation, name="malignant")
    assert score is not None
    dial = dial_of(score)
    assert dial is not None
    assert dial.chosen is not None
    own = dial.stops[dial.chosen]
    assert own.threshold == 0.5
    found = rates(made.labels[:, 0], np.float32(made.scores[:, 0]), 0.5)
    assert (own.sensitivity, own.specificity) == pytest.approx(found)
    assert list(dial.stops) == sorted(dial.stops, key=lambda stop: stop.threshold)
    assert dial.prevalence == pytest.approx(made.labels.mean())


def test_thresholds_that_decide_alike_are_one_and_many_are_thinned_with_their_ends() -> None:
    same = Sweep(threshold=(0.1, 0.2, 0.3), sensitivity=(1, 1, 0.5), specificity=(0, 0, 0.5))
    dial = dial_of(score_of(same))
    assert dial is not None
    assert [stop.threshold for stop in dial.stops] == [0.1, 0.3]
    many = np.linspace(0, 1, 5000)
    dial = dial_of(
        score_of(Sweep(threshold=tuple(many), sensitivity=tuple(1 - many), specificity=tuple(many)))
    )
    assert dial is not None
    assert len(dial.stops) <= 240
    assert (dial.stops[0].threshold, dial.stops[-1].threshold) == (0, 1)
    assert dial.chosen is None


def test_an_undefined_score_has_no_explorer() -> None:
    assert dial_of(score_of(Sweep())) is None
    unknown = Sweep(threshold=(0.1, 0.2), sensitivity=(np.nan, np.nan), specificity=(0.0, 1.0))
    assert dial_of(score_of(unknown)) is None


def test_the_table_has_five_different_thresholds_with_the_bundles_among_them() -> None:
    score = main_score(make_evaluation(n=300).evaluation, name="malignant")
    assert score is not None
    dial = dial_of(score)
    assert dial is not None
    rows = five_thresholds(dial)
    assert len(rows) == 5
    assert [own for _, _, own in rows].count(True) == 1
    assert [stop.threshold for stop, _, _ in rows] == sorted({stop.threshold for stop, _, _ in rows})
    sensitivities = [stop.sensitivity for stop, _, own in rows if not own]
    assert all(any(one >= target for one in sensitivities) for target in (0.99, 0.95, 0.9, 0.8))


def test_what_the_script_reads_cannot_close_its_element() -> None:
    dial = Dial("</script><b>&", 0.2, (Stop(0.1, 1.0, 0.0), Stop(float("inf"), 0.0, 1.0)), None)
    text = explorer_data([dial])
    assert not set("<>&") & set(text)
    told = json.loads(text)[0]
    assert told["name"] == "</script><b>&"
    assert told["stops"] == [[0.1, 1.0, 0.0], [1.0, 0.0, 1.0]]
    assert told["chosen"] is None


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(explorer, optionflags=doctest.ELLIPSIS).failed == 0
