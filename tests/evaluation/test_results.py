from __future__ import annotations

import pytest

from overread.cohort.card import CohortCard
from overread.cohort.flow import FlowStep
from overread.errors import EvaluationError
from overread.evaluation.evaluate import evaluate_readings
from overread.evaluation.results import CohortFlow, Evaluation
from tests.evaluation.made import make_manifest, make_tables


def some_evaluation() -> Evaluation:
    manifest = make_manifest()
    readings, reference = make_tables([1, 0, 0, 0], [0.9, 0.6, 0.2, 0.1], manifest=manifest)
    return evaluate_readings(readings, reference, manifest=manifest, resamples=20)


def test_what_is_saved_is_what_is_loaded(tmp_path) -> None:
    found = some_evaluation()
    path = found.save(tmp_path / "evaluation.json")
    assert Evaluation.load(path).to_json() == found.to_json()
    assert [one.name for one in tmp_path.iterdir()] == ["evaluation.json"]


@pytest.mark.parametrize("content", ["", "{}", '{"schema_version": 2}', "not json"])
def test_another_file_is_refused_in_one_sentence(tmp_path, content) -> None:
    path = tmp_path / "evaluation.json"
    path.write_text(content)
    with pytest.raises(EvaluationError, match="is not an evaluation"):
        Evaluation.load(path)


def test_a_missing_file_is_refused(tmp_path) -> None:
    with pytest.raises(EvaluationError, match="cannot be read"):
        Evaluation.load(tmp_path / "evaluation.json")


def test_the_flow_of_a_cohort_comes_from_its_card() -> None:
    card = CohortCard.model_construct(
        name="skin", negative="benign", found=12, read=10, rejected=2, patients=6, patient_known=True,
        split_counts={"train": 6, "tune": 2, "test": 2}, leakage=(),
        flow=(FlowStep(reason="damaged", what="cannot be decoded", removed=2, left=10),),
    )  # fmt: skip
    flow = CohortFlow.from_card(card)
    assert (flow.found, flow.read, flow.rejected, flow.negative) == (12, 10, 2, "benign")
    assert flow.removed == (("cannot be decoded", 2),)
    assert flow.splits == {"train": 6, "tune": 2, "test": 2}


def test_the_summary_is_for_machines_with_null_where_a_figure_is_undefined() -> None:
    manifest = make_manifest()
    readings, reference = make_tables([0, 0, 0, 0], [0.9, 0.6, 0.2, 0.1], manifest=manifest)
    found = evaluate_readings(readings, reference, manifest=manifest, resamples=20).summary()
    assert found["roc_auc"] == {"value": None, "low": None, "high": None}
    assert found["specificity"]["value"] == 0.5
    assert found["specificity"]["low"] <= 0.5 <= found["specificity"]["high"]
