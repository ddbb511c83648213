from __future__ import annotations

import numpy as np

from overread.evaluation.evaluate import evaluate_readings
from overread.evaluation.scores import URGENT, class_scores, main_score
from tests.evaluation.made import make_manifest, make_tables
from tests.evaluation.made_report import make_evaluation


def test_a_binary_reader_has_one_score() -> None:
    found = make_evaluation().evaluation
    score = main_score(found, name="whatever")
    assert score is not None
    assert (score.name, score.key) == ("malignant", "malignant")
    assert score.prevalence == found.findings[0].positives / found.counts.used
    assert class_scores(found) == ()


def test_a_multiclass_reader_has_the_sum_of_its_urgent_classes_and_each_class() -> None:
    found = make_evaluation("multiclass").evaluation
    score = main_score(found, name="mel")
    assert score is not None
    assert score.key == URGENT
    assert found.triage is not None
    assert score.figures == found.triage.figures
    assert [one.key for one in class_scores(found)] == ["mel", "nv", "bcc"]


def test_a_multilabel_reader_has_only_its_findings() -> None:
    found = make_evaluation("multilabel").evaluation
    assert main_score(found, name="x") is None
    assert [one.name for one in class_scores(found)] == ["Mass", "Edema"]


def test_without_urgent_classes_nothing_decides() -> None:
    manifest = make_manifest("multiclass", ("a", "b"))
    tables = make_tables(np.eye(2)[[0, 1]], np.eye(2)[[0, 1]] * 0.6 + 0.2, manifest=manifest)
    assert main_score(evaluate_readings(*tables, manifest=manifest, resamples=5), name="x") is None
