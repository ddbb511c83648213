from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
import sklearn.metrics as oracle

from overread.bundle.triage import decide
from overread.errors import EvaluationError
from overread.evaluation.delong import delong_interval
from overread.evaluation.evaluate import evaluate_readings
from overread.evaluation.intervals import exact_interval
from overread.evaluation.measures import called_urgent, urgent_truth
from tests.evaluation.made import make_manifest, make_scores, make_tables, with_rejects


def binary(n: int = 80, *, seed: int = 0, **settings):
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.4).astype(float)
    scores = make_scores(rng, labels).astype(np.float32).astype(float)
    manifest = make_manifest()
    patients = [f"p{k}" for k in rng.integers(0, n // 2, n)]
    tables = make_tables(labels, scores, manifest=manifest, patients=patients, **settings)
    return labels, scores, manifest, *tables


def test_binary_figures_are_those_of_scikit_learn_inside_their_intervals() -> None:
    labels, scores, manifest, readings, reference = binary()
    found = evaluate_readings(readings, reference, manifest=manifest, resamples=200)
    called = scores >= 0.5
    expected = {
        "roc_auc": oracle.roc_auc_score(labels, scores),
        "average_precision": oracle.average_precision_score(labels, scores),
        "sensitivity": oracle.recall_score(labels, called),
        "ppv": oracle.precision_score(labels, called),
        "accuracy": oracle.accuracy_score(labels, called),
        "mcc": oracle.matthews_corrcoef(labels, called),
        "roc_auc_delong": oracle.roc_auc_score(labels, scores),
        "brier": oracle.brier_score_loss(labels, scores),
        "prevalence": labels.mean(),
    }
    for name, value in expected.items():
        figure = found.overall[name]
        assert figure.value == pytest.approx(value)
        assert figure.low < figure.value < figure.high
    assert found.overall == found.findings[0].figures
    assert found.overall["accuracy"].baseline == pytest.approx(max(labels.mean(), 1 - labels.mean()))
    assert found.overall["brier"].baseline == pytest.approx(labels.mean() * (1 - labels.mean()))


def test_the_area_has_delongs_interval_over_patients_beside_that_of_the_bootstrap() -> None:
    labels, scores, manifest, readings, reference = binary(300)
    found = evaluate_readings(readings, reference, manifest=manifest, resamples=500).overall
    patients = reference["patient_id"].to_numpy(zero_copy_only=False)
    alone = delong_interval(labels, scores, groups=patients)
    figure = found["roc_auc_delong"]
    assert (figure.low, figure.high, figure.method) == (alone.low, alone.high, "delong")
    assert (figure.low, figure.high) == pytest.approx(
        (found["roc_auc"].low, found["roc_auc"].high), abs=0.015
    )


def test_decisions_are_counted_as_they_stand_and_figures_are_over_all_read_images() -> None:
    novelty = np.zeros(80)
    novelty[:7] = 99
    labels, scores, manifest, readings, reference = binary(novelty=novelty)
    found = evaluate_readings(readings, reference, manifest=manifest, resamples=50)
    assert found.triage is not None
    expected = {
        side: {
            decision: sum(
                decide(scores[[k]], novelty[k], manifest=manifest) == decision
                for k in range(80)
                if labels[k] == truth
            )
            for decision in ("urgent", "routine", "cannot-assess")
        }
        for side, truth in (("present", 1), ("absent", 0))
    }
    assert found.triage.decisions == expected
    assert found.counts.cannot_assess == 7
    assert found.overall["sensitivity"].value == oracle.recall_score(labels, scores >= 0.5)
    shares = [
        found.triage.figures[f"{name}_if_present"].value for name in ("urgent", "routine", "cannot_assess")
    ]
    assert sum(shares) == pytest.approx(1)
    assert shares[0] == expected["present"]["urgent"] / labels.sum()


def test_same_tables_same_bytes_whatever_the_order_of_rows() -> None:
    _, _, manifest, readings, reference = binary()
    first = evaluate_readings(readings, reference, manifest=manifest, resamples=60, seed=3)
    mixed = np.random.default_rng(1).permutation(80)
    again = evaluate_readings(readings.take(mixed), reference, manifest=manifest, resamples=60, seed=3)
    assert again.to_json() == first.to_json()


def test_a_test_set_without_positives_has_nan_figures_and_no_error() -> None:
    manifest = make_manifest()
    readings, reference = make_tables(np.zeros(20), np.linspace(0.1, 0.7, 20), manifest=manifest)
    found = evaluate_readings(readings, reference, manifest=manifest, resamples=100)
    assert np.isnan(found.overall["roc_auc"].value)
    assert np.isnan(found.overall["sensitivity"].value)
    assert found.overall["specificity"].value == pytest.approx(13 / 20)
    assert found.undefined_findings == ("malignant",)
    assert found.findings[0].curves.roc.sensitivity == ()
    held = json.loads(found.to_json())
    assert held["overall"]["roc_auc"]["value"] is None
    assert "NaN" not in found.to_json()


def test_one_image_can_be_evaluated() -> None:
    manifest = make_manifest()
    readings, reference = make_tables([1.0], [0.8], manifest=manifest)
    found = evaluate_readings(readings, reference, manifest=manifest, resamples=10)
    assert found.overall["sensitivity"].value == 1
    assert found.overall["brier"].method == "none"


def test_a_perfect_proportion_gets_an_exact_interval_over_patients() -> None:
    manifest = make_manifest()
    patients = [f"p{k // 2}" for k in range(40)]
    labels = np.repeat([1.0, 0.0], 20)
    readings, reference = make_tables(labels, labels * 0.8 + 0.1, manifest=manifest, patients=patients)
    found = evaluate_readings(readings, reference, manifest=manifest, resamples=100)
    figure = found.overall["sensitivity"]
    assert (figure.value, figure.method) == (1.0, "exact")
    assert (figure.low, figure.high) == exact_interval(10, 10)
    auc = found.overall["roc_auc"]
    assert (auc.value, auc.method) == (1.0, "none")
    assert np.isnan(auc.low)
    assert found.overall["roc_auc_delong"].method == "none"


def test_rejects_and_missing_readings_leave_the_figures_but_not_the_counts() -> None:
    labels, scores, manifest, readings, reference = binary()
    some = with_rejects(readings, {"img-000": "damaged"})
    found = evaluate_readings(some, reference, manifest=manifest, resamples=20)
    assert found.counts.reasons == {"damaged": 1}
    assert found.overall["roc_auc"].value == pytest.approx(oracle.roc_auc_score(labels[1:], scores[1:]))


def test_readings_that_contradict_the_operating_point_are_refused() -> None:
    _, _, manifest, readings, reference = binary()
    rows = readings["decision"].to_pylist()
    rows[3] = "urgent" if rows[3] == "routine" else "routine"
    changed = readings.set_column(2, "decision", pa.array(rows))
    with pytest.raises(EvaluationError, match=r"image 'img-003': the reading says .*1 such image"):
        evaluate_readings(changed, reference, manifest=manifest, resamples=10)


def multiclass(urgent=("mel", "bcc")):
    rng = np.random.default_rng(4)
    names = ("nv", "mel", "bcc", "df")
    truth = rng.choice(3, 90)
    logits = rng.normal(size=(90, 4)) + 1.5 * np.eye(4)[truth]
    scores = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32).astype(float)
    manifest = make_manifest("multiclass", names, urgent=urgent, threshold=0.6)
    return np.eye(4)[truth], scores, manifest, *make_tables(np.eye(4)[truth], scores, manifest=manifest)


def test_multiclass_is_summed_over_the_urgent_classes_and_names_the_class_without_images() -> None:
    labels, scores, manifest, readings, reference = multiclass()
    found = evaluate_readings(readings, reference, manifest=manifest, resamples=60)
    truth, best = labels.argmax(axis=1), scores.argmax(axis=1)
    assert found.overall["accuracy"].value == pytest.approx(oracle.accuracy_score(truth, best))
    one_by_one = [oracle.roc_auc_score(labels[:, k], scores[:, k]) for k in range(3)]
    assert found.overall["roc_auc"].value == pytest.approx(np.mean(one_by_one))
    assert found.undefined_findings == ("df",)
    assert found.confusion is not None
    assert (
        np.array(found.confusion.counts)[:3, :3].tolist()
        == oracle.confusion_matrix(truth, best, labels=range(3)).tolist()
    )
    assert found.triage is not None
    urgent = labels[:, 1] + labels[:, 2]
    both = scores[:, 1] + scores[:, 2]
    assert found.triage.figures["sensitivity"].value == pytest.approx(
        oracle.recall_score(urgent, both >= 0.6)
    )
    assert found.triage.figures["roc_auc"].value == pytest.approx(oracle.roc_auc_score(urgent, both))
    assert found.triage.curves.roc.band_low


def test_multiclass_without_urgent_classes_has_no_triage() -> None:
    _, _, manifest, readings, reference = multiclass(urgent=())
    found = evaluate_readings(readings, reference, manifest=manifest, resamples=20)
    assert found.triage is None


def test_multilabel_means_leave_out_undefined_findings_and_unstated_labels() -> None:
    rng = np.random.default_rng(5)
    labels = (rng.random((70, 3)) < 0.4).astype(float)
    labels[:, 2] = 0
    labels[:10, 0] = np.nan
    scores = make_scores(rng, labels).astype(np.float32).astype(float)
    manifest = make_manifest("multilabel", ("a", "b", "c"), urgent=("a", "b"))
    readings, reference = make_tables(labels, scores, manifest=manifest)
    found = evaluate_readings(readings, reference, manifest=manifest, resamples=60)
    expected = [
        oracle.roc_auc_score(labels[10:, 0], scores[10:, 0]),
        oracle.roc_auc_score(labels[:, 1], scores[:, 1]),
    ]
    assert found.overall["roc_auc"].value == pytest.approx(np.mean(expected))
    assert found.undefined_findings == ("c",)
    assert found.findings[0].unstated == 10
    assert found.triage is not None
    known = found.triage.positives + found.triage.negatives
    assert known == 70 - int((np.isnan(labels[:, 0]) & (labels[:, 1] == 0)).sum())


@pytest.mark.parametrize("task", ["binary", "multilabel", "multiclass"])
def test_called_urgent_is_what_triage_decides_without_novelty(task) -> None:
    rng = np.random.default_rng(6)
    names = ("a",) if task == "binary" else ("a", "b", "c")
    manifest = make_manifest(task, names, urgent=names[:2], threshold=0.45)
    scores = rng.dirichlet(np.ones(3), 50)[:, : len(names)]
    expected = [decide(row, 0.0, manifest=manifest) == "urgent" for row in scores]
    assert called_urgent(scores, manifest=manifest).tolist() == expected
    assert 0 < sum(expected) < 50


def test_the_truth_of_urgency_is_unknown_only_where_it_matters() -> None:
    manifest = make_manifest("multilabel", ("a", "b", "c"), urgent=("a", "b"))
    labels = np.array([[1, np.nan, 0], [0, np.nan, 1], [0, 0, np.nan]], float)
    truth = urgent_truth(labels, manifest=manifest)
    assert truth[[0, 2]].tolist() == [1, 0]
    assert np.isnan(truth[1])


def test_history_and_notes_travel_with_the_evaluation() -> None:
    _, _, manifest, readings, reference = binary()
    row = {"phase": "head", "epoch": 1, "train_loss": 0.6, "tune_loss": 0.5, "tune_auc": None, "kept": True}
    found = evaluate_readings(
        readings, reference, manifest=manifest, resamples=10, history=[row], notes=["The head was kept."]
    )
    assert found.history[0].phase == "head"
    assert np.isnan(found.history[0].tune_auc)
    assert found.notes == ("The head was kept.",)
