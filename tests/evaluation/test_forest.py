from __future__ import annotations

import doctest
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overread.evaluation import forest
from overread.evaluation.forest import axis_of, forests, subgroup_sentence
from overread.evaluation.scores import main_score
from tests.evaluation.made_report import make_evaluation, make_subgroups

SCORE = main_score(make_evaluation().evaluation, name="malignant")
assert SCORE is not None
TABLES = [make_subgroups(column, "malignant", "roc_auc") for column in ("sex", "age")]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_the_axis_holds_every_value_with_few_ticks(values) -> None:
    start, stop, step = axis_of(values)
    assert 0 <= start < stop <= 1
    assert start <= min(values) + 1e-6
    assert stop >= max(values) - 1e-6
    assert (stop - start) / step <= 10


def test_columns_of_one_statistic_share_an_axis_on_which_the_whole_lies() -> None:
    (drawn,) = forests(TABLES, [SCORE])
    assert [column for column, _ in drawn.parts] == ["sex", "age"]
    start, stop = float(drawn.ticks[0][1]), float(drawn.ticks[-1][1])
    assert (drawn.ticks[0][0], drawn.ticks[-1][0]) == (0, 100)
    whole = SCORE.figures["roc_auc"].value
    assert drawn.whole == pytest.approx(100 * (whole - start) / (stop - start), abs=0.01)
    first = TABLES[0].rows[0].figure
    expected = [100 * (value - start) / (stop - start) for value in (first.low, first.value, first.high)]
    assert drawn.parts[0][1][0].span == pytest.approx(tuple(expected), abs=0.01)


def test_what_is_undefined_has_a_row_without_a_dot() -> None:
    (drawn,) = forests(TABLES, [SCORE])
    row = drawn.parts[1][1][-1]
    assert (row.name, row.value, row.p, row.span) == ("not stated", "–", "–", None)
    assert not re.search(r"\bnan\b", str(drawn))


def test_each_statistic_of_each_score_is_a_forest_of_its_own() -> None:
    tables = [
        *TABLES,
        make_subgroups("sex", "malignant", "specificity"),
        make_subgroups("sex", "x", "roc_auc"),
    ]
    drawn = forests(tables, [SCORE])
    assert [one.title for one in drawn] == [
        "ROC-AUC for malignant",
        "Specificity for malignant",
        "ROC-AUC for x",
    ]
    assert drawn[1].counted == "without malignant"
    assert drawn[2].whole is None


def test_the_sentence_names_who_stands_apart_and_never_calls_the_rest_equal() -> None:
    said = subgroup_sentence(TABLES, [SCORE])
    assert "sex M (ROC-AUC 0.03 lower)" in said
    assert "sex F" not in said
    alike = TABLES[0].model_copy(
        update={"rows": tuple(row.model_copy(update={"p_holm": 0.5}) for row in TABLES[0].rows)}
    )
    assert "no proof" in subgroup_sentence([alike], [SCORE])
    unknown = alike.model_copy(
        update={"rows": tuple(row.model_copy(update={"p_holm": np.nan}) for row in alike.rows)}
    )
    assert subgroup_sentence([unknown], [SCORE]) == "No subgroup has enough images for a test."


def test_many_that_stand_apart_are_counted_not_listed() -> None:
    tables = [make_subgroups("age", f"finding {k}", "roc_auc") for k in range(9)]
    assert subgroup_sentence(tables, [SCORE]).endswith("; and 13 more.")


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(forest).failed == 0
