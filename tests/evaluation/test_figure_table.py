from __future__ import annotations

import numpy as np

from overread.evaluation import wording
from overread.evaluation.figure_table import FIGURES, PER_CLASS, figure_tables
from overread.evaluation.figures import Figure
from tests.evaluation.made_report import make_evaluation


def tables(task: str):
    made = make_evaluation(task)
    naming = wording.name_images(made.evaluation, manifest=made.manifest)
    return made.evaluation, figure_tables(made.evaluation, naming=naming)


def rows_of(table) -> dict:
    return {row.name: row for _, rows in table.groups for row in rows}


def test_every_figure_of_a_binary_reader_has_a_row_with_its_value() -> None:
    found, (table,) = tables("binary")
    rows = rows_of(table)
    for name, figure in found.overall.items():
        if not name.endswith("_delong"):
            assert rows[FIGURES[name][0]].value == wording.number(figure.value)
    assert table.groups[1][0] == "At the threshold 0.5"


def test_delongs_interval_stands_under_the_bootstraps() -> None:
    found, (table,) = tables("binary")
    other = found.overall["roc_auc_delong"]
    assert rows_of(table)["ROC-AUC"].also == f"DeLong {other.low:.3f} – {other.high:.3f}"
    assert rows_of(table)["PR-AUC"].also == ""


def test_a_multiclass_reader_has_a_table_for_urgent_and_one_for_the_classes() -> None:
    found, (urgent, whole) = tables("multiclass")
    assert found.triage is not None
    assert rows_of(urgent)["Sensitivity"].value == wording.number(found.triage.figures["sensitivity"].value)
    assert rows_of(whole)["Accuracy"].value == wording.number(found.overall["accuracy"].value)


def test_what_is_undefined_is_a_dash_without_a_bar() -> None:
    made = make_evaluation()
    overall = dict(made.evaluation.overall) | {"npv": Figure(value=np.nan)}
    evaluation = made.evaluation.model_copy(update={"overall": overall})
    naming = wording.name_images(evaluation, manifest=made.manifest)
    row = rows_of(figure_tables(evaluation, naming=naming)[0])["Negative predictive value"]
    assert (row.value, row.interval, row.bar) == ("–", "undefined", None)


def test_the_columns_by_class_have_names() -> None:
    assert set(PER_CLASS) <= set(FIGURES)
