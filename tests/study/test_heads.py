from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, log_loss, roc_auc_score

from overread.engine import LocalEngine
from overread.errors import TrainingError, UsageError
from overread.study import load_study
from overread.study.heads import Asked, HeadTable, check_rows, compare_heads, opened_heads_study, planned
from overread.study.heads_figures import Judged, Side, figures_of
from overread.study.heads_page import render_heads, sentences
from overread.training import head_phase
from tests.phone import open_alone_on_a_phone
from tests.study.test_run import write_study
from tests.training.made import write_images

ROWS = [*planned(["logistic", "linear"], ["local"], ["none", "select"])]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, HeadTable]:
    folder = tmp_path_factory.mktemp("heads")
    write_images(folder / "source", {"benign": 24, "malignant": 24})
    study = load_study(write_study(folder))
    return folder, compare_heads(study, folder / "out", rows=ROWS, resamples=100, engine=LocalEngine(1))


def test_heads_stand_side_by_side_on_the_images_left_out(made: tuple[Path, HeadTable]) -> None:
    folder, table = made
    assert [(one.head, one.reduce, one.fit_on) for one in table.rows] == [
        ("logistic", "none", "local"),
        ("logistic", "select", "local"),
        ("linear", "none", "local"),
    ]
    assert (table.metric, table.folds) == ("roc_auc", 2)
    assert 0 < table.images < 48  # test is not among them
    first, selected, linear = table.rows
    assert np.isnan(first.difference)
    assert (first.features, selected.features) == (table.features, 32)
    # A logistic head on all features and the linear head are one and the same.
    assert linear.value == first.value
    assert linear.difference == 0
    assert linear.p_value == 1
    said = json.loads((folder / "out" / "heads.json").read_text())
    assert said["rows"][0]["difference"] is None
    assert said["rows"][1]["value"] == selected.value


def test_a_row_is_fitted_once_and_a_library_that_is_missing_is_a_row_that_says_so(
    made: tuple[Path, HeadTable], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, table = made
    fitted: list[str] = []
    fit_rows = head_phase.fit_rows

    def counted(*given: Any, **named: Any) -> Any:
        fitted.append(named["settings"].head)
        return fit_rows(*given, **named)

    monkeypatch.setattr(head_phase, "fit_rows", counted)
    monkeypatch.setattr("overread.training.grown_trees.find_spec", lambda _: None)
    study = load_study(folder / "study.toml")
    more = [*ROWS, Asked("mlp", "local", "none"), Asked("xgboost", "local", "none")]
    again = compare_heads(study, folder / "out", rows=more, resamples=100, engine=LocalEngine(1))
    assert fitted == ["mlp"]
    assert [row.seconds for row in again.rows[:3]] == [row.seconds for row in table.rows]
    assert "pip install 'overread[xgboost]'" in again.rows[4].failed
    page = render_heads(again)
    assert "pip install" in page
    assert "<script" not in page
    assert "//" not in page.split("</style>")[1]
    assert sentences(again)[0].startswith("The highest ROC AUC is that of ")


@pytest.mark.browser
def test_the_page_fits_a_phone_and_loads_nothing(made: tuple[Path, HeadTable], chromium: Any) -> None:
    page = open_alone_on_a_phone(chromium, made[0] / "out" / "heads.html")
    assert page.locator("table.heads tbody tr").count() >= 3


def test_spark_that_is_missing_is_said_before_anything_is_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("overread.training.grown_trees.find_spec", lambda _: None)
    with pytest.raises(TrainingError, match="pip install 'overread"):
        check_rows([ROWS[0], Asked("logistic", "spark", "none")])


@pytest.mark.parametrize(
    ("heads", "fit_on", "reduce", "said"),
    [
        (["logistc"], ["local"], ["none"], "--heads: expected some of logistic, .*, got 'logistc'"),
        (["logistic"], ["cluster"], ["none"], "--fit-on: expected some of local, spark, got 'cluster'"),
        (["logistic"], ["local"], [], "--reduce: expected some of none, pca, select, got ''"),
        (["linear"], ["spark"], ["none"], "'linear' is fitted here and on all features"),
    ],
)
def test_what_cannot_be_a_row_is_refused(
    heads: list[str], fit_on: list[str], reduce: list[str], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        planned(heads, fit_on, reduce)


def test_a_cohort_alone_is_enough(made: tuple[Path, HeadTable]) -> None:
    folder, _ = made
    study, cohort = opened_heads_study(folder / "out" / "cohort", overrule=["reader.weights=none"])
    assert cohort is not None
    assert study.weights == "none"
    with pytest.raises(UsageError, match="overread ingest"):
        opened_heads_study(folder / "source")


def test_figures_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 90)
    targets, groups = np.eye(3)[truth], np.arange(90) // 2
    sides = [Side(rng.normal(size=(90, 3)) + targets * shift, {}, 1.0) for shift in (0.5, 2.0)]
    judged = Judged(targets, groups, "multiclass", 200, 0)
    first, second = figures_of(judged, sides)
    chances = np.exp(sides[1].logits) / np.exp(sides[1].logits).sum(1, keepdims=True)
    assert second["value"] == pytest.approx(balanced_accuracy_score(truth, chances.argmax(1)))
    assert second["log_loss"] == pytest.approx(log_loss(truth, chances))
    assert second["difference"] == pytest.approx(second["value"] - first["value"])
    assert 0 < second["difference_low"] < second["difference"] < second["difference_high"]
    both = np.column_stack([truth == 0, truth > 1]).astype(float)
    both[:5, 0] = np.nan
    found = figures_of(Judged(both, groups, "multilabel", 200, 0), [Side(sides[1].logits[:, :2], {}, 1.0)])[0]
    areas = [
        roc_auc_score(both[5:, 0], sides[1].logits[5:, 0]),
        roc_auc_score(both[:, 1], sides[1].logits[:, 1]),
    ]
    assert found["value"] == pytest.approx(np.mean(areas))
