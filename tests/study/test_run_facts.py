from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from overread.evaluation import evaluate_readings
from overread.study.run_facts import figures_of, flat, less_is_better, run_facts
from overread.study.settings import check_study
from tests.evaluation.made import make_manifest, make_scores, make_tables

RNG = np.random.default_rng(0)
LABELS = (RNG.random(60) < 0.5).astype(float)


def evaluation(task: str = "binary", history: tuple[dict[str, object], ...] = ()):
    labels = LABELS if task == "binary" else np.column_stack([LABELS, 1 - LABELS])
    manifest = make_manifest(task, ("malignant",) if task == "binary" else ("a", "b"))
    tables = make_tables(labels, make_scores(RNG, labels), manifest=manifest)
    return evaluate_readings(*tables, manifest=manifest, resamples=100, history=history)


def test_settings_are_told_by_their_dotted_names_without_paths_and_patients() -> None:
    said = {
        "cohort": {
            "source": "/home/me/patients",
            "table": "C:\\labels\\all.csv",
            "exclude": {"patient_id": ["P-4711", "P-4712"]},
            "only": {"view": ["PA"]},
        },
        "reader": {"weights": "local-dir:/home/me/mobilenetv2", "backbone": "hf-hub:timm/vit"},
    }
    found = dict(flat(check_study(said, where="here").model_dump(mode="json")))
    assert found["cohort.source"] == "patients"
    assert found["cohort.table"] == "all.csv"
    assert found["reader.weights"] == "local-dir:mobilenetv2"
    assert found["reader.backbone"] == "hf-hub:timm/vit"
    assert found["cohort.exclude.patient_id"] == "2 values"
    assert found["cohort.only.view"] == "1 value"
    assert "P-4711" not in json.dumps(found)
    assert "home" not in json.dumps(found)


@pytest.mark.parametrize("weights", ["imagenet", "none", "net.safetensors"])
def test_what_is_no_path_is_told_as_it_is(weights: str) -> None:
    assert dict(flat({"reader": {"weights": weights}})) == {"reader.weights": weights}


def test_the_auc_on_tune_is_that_of_the_epoch_that_was_kept() -> None:
    rows = [
        {"phase": "head", "epoch": 0, "tune_auc": 0.7, "kept": False},
        {"phase": "fine-tune", "epoch": 0, "tune_auc": 0.8, "kept": True},
        {"phase": "fine-tune", "epoch": 1, "tune_auc": 0.9, "kept": False},
    ]
    assert figures_of(evaluation(history=tuple(rows)))["tune_auc"].value == 0.8
    assert "tune_auc" not in figures_of(evaluation())


def test_figures_of_several_findings_bear_the_findings_names() -> None:
    found = figures_of(evaluation("multilabel"))
    assert {"roc_auc", "a/roc_auc", "b/roc_auc", "urgent/sensitivity"} <= set(found)
    assert not any(np.isnan(one.value) for one in found.values())


def test_a_run_is_known_by_its_evaluation_alone(tmp_path: Path) -> None:
    rows = ({"phase": "head", "epoch": 3, "train_loss": 0.5, "tune_auc": float("nan")},)
    evaluation(history=rows).save(tmp_path / "evaluation.json")
    facts = run_facts(tmp_path)
    assert (facts.name, facts.bundle) == ("made", "made@1.0")
    assert facts.steps == {"head/train_loss": ((3, 0.5),)}
    assert facts.tags["split"] == "test"
    assert facts.parameters == {}


def test_less_is_better_of_losses_and_errors() -> None:
    assert less_is_better("brier")
    assert less_is_better("mass/log_loss")
    assert not less_is_better("roc_auc")
