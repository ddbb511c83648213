from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from overread.errors import EvaluationError, UsageError
from overread.evaluation import evaluate_readings
from overread.evaluation import metrics as mt
from overread.evaluation.compare import compare_readers
from overread.evaluation.comparison import Comparison
from overread.evaluation.shared_images import Candidate
from tests.evaluation.made import make_manifest, make_scores, make_tables, with_rejects

N = 240
RNG = np.random.default_rng(11)
LABELS = (RNG.random(N) < 0.4).astype(float)
GOOD, POOR = make_scores(RNG, LABELS, shift=2.5), make_scores(RNG, LABELS, shift=0.7)
THREE = np.eye(3)[RNG.integers(0, 3, N)]
SEVERAL = [f"p{k // 3}" for k in range(N)]


def candidate(name: str, labels: Any, scores: Any, **fields: Any) -> tuple[Candidate, pa.Table]:
    """A reader of these scores, and the reference."""
    patients = fields.pop("patients", None)
    manifest = make_manifest(**fields)
    readings, reference = make_tables(labels, scores, manifest=manifest, patients=patients)
    evaluation = evaluate_readings(readings, reference, manifest=manifest, resamples=100)
    return Candidate(name, evaluation, readings), reference


def compare(*scores: Any, labels: Any = LABELS, **fields: Any) -> Comparison:
    all_pairs = fields.pop("all_pairs", False)
    found = [candidate(f"reader {k}", labels, one, **fields) for k, one in enumerate(scores)]
    return compare_readers([one for one, _ in found], found[0][1], resamples=300, seed=3, all_pairs=all_pairs)


def multiclass(scores: Any) -> Any:
    return scores / scores.sum(axis=1, keepdims=True)


TASKS: dict[str, tuple[Any, Any, Any, dict[str, Any]]] = {
    "binary": (LABELS, GOOD, POOR, {}),
    "multiclass": (
        THREE,
        multiclass(make_scores(RNG, THREE, shift=3)),
        multiclass(make_scores(RNG, THREE, shift=1)),
        {"task": "multiclass", "classes": ("a", "b", "c"), "urgent": ("a", "b")},
    ),
    "multilabel": (
        np.column_stack([LABELS, THREE[:, 0]]),
        np.column_stack([GOOD, make_scores(RNG, THREE[:, 0])]),
        np.column_stack([POOR, make_scores(RNG, THREE[:, 0])]),
        {"task": "multilabel", "classes": ("effusion", "mass")},
    ),
}


@pytest.mark.parametrize("patients", [None, SEVERAL])
@pytest.mark.parametrize("task", TASKS)
def test_a_reader_does_not_differ_from_itself(task: str, patients: Any) -> None:
    labels, scores, _, fields = TASKS[task]
    found = compare(scores, scores, labels=labels, patients=patients, **fields)
    (pair,) = found.pairs
    for target in pair.targets:
        for name, figure in target.figures.items():
            assert (figure.difference, figure.low, figure.high) == (0, 0, 0), (target.target, name)
            assert figure.baseline == figure.reader
            assert figure.p_value == 1 or np.isnan(figure.p_value)
        if target.decisions:
            assert (target.decisions.baseline_only, target.decisions.reader_only) == (0, 0)
            assert (target.decisions.p_value, target.decisions.adjusted) == (1, 1)
    areas = [one.figures["roc_auc"].p_value for one in pair.targets if "roc_auc" in one.figures]
    assert areas.count(1.0) >= 1


def test_the_difference_is_that_of_the_reader_less_the_baseline() -> None:
    found = compare(POOR, GOOD)
    figure = found.pairs[0].on("malignant").figures["roc_auc"]
    assert (found.pairs[0].baseline, found.pairs[0].reader) == ("reader 0", "reader 1")
    assert figure.baseline == pytest.approx(mt.roc_auc(LABELS, POOR.astype(np.float32)))
    assert figure.reader == pytest.approx(mt.roc_auc(LABELS, GOOD.astype(np.float32)))
    assert figure.difference == pytest.approx(figure.reader - figure.baseline)
    assert 0 < figure.low < figure.difference < figure.high
    assert figure.p_value < 0.001
    turned = compare(GOOD, POOR).pairs[0].on("malignant").figures["roc_auc"]
    assert (turned.difference, turned.low, turned.high) == pytest.approx(
        (-figure.difference, -figure.high, -figure.low)
    )


def test_areas_are_compared_as_mlstatkit_does_where_patients_have_one_image() -> None:
    stats = pytest.importorskip("MLstatkit")
    _, p_value = stats.Delong_test(LABELS.astype(int), GOOD.astype(np.float32), POOR.astype(np.float32))[:2]
    close = make_scores(np.random.default_rng(5), LABELS, shift=2.2)
    _, other = stats.Delong_test(LABELS.astype(int), close.astype(np.float32), GOOD.astype(np.float32))[:2]
    assert compare(GOOD, POOR).pairs[0].on("malignant").figures["roc_auc"].p_value == pytest.approx(p_value)
    assert compare(GOOD, close).pairs[0].on("malignant").figures["roc_auc"].p_value == pytest.approx(
        other, rel=1e-6
    )


def test_decisions_are_compared_by_mcnemar_at_each_readers_own_threshold() -> None:
    first, reference = candidate("a", LABELS, GOOD, threshold=0.5)
    second, _ = candidate("b", LABELS, POOR, threshold=0.3)
    pair = compare_readers([first, second], reference, resamples=100).pairs[0].on("malignant")
    one = (GOOD.astype(np.float32) >= 0.5) == LABELS
    other = (POOR.astype(np.float32) >= 0.3) == LABELS
    table = [[(one & other).sum(), (one & ~other).sum()], [(~one & other).sum(), (~one & ~other).sum()]]
    assert pair.decisions is not None
    assert (pair.decisions.baseline_only, pair.decisions.reader_only) == (table[0][1], table[1][0])
    assert pair.decisions.method == "mid-p"
    exact = reference_mcnemar(table, exact=True).pvalue
    assert pair.decisions.p_value == pytest.approx(exact, abs=0.05)
    assert pair.decisions.p_value < exact  # the mid-p is the less conservative
    assert pair.figures["sensitivity"].difference == pytest.approx(
        mt.sensitivity(LABELS, POOR >= 0.3) - mt.sensitivity(LABELS, GOOD >= 0.5)
    )


def test_patients_with_several_images_are_counted_as_one() -> None:
    """Every image three times over says no more than once, when patients are counted."""
    labels, one, other = (np.repeat(part[:80], 3) for part in (LABELS, GOOD, POOR))
    patients = [f"p{k // 3}" for k in range(240)]
    whole = compare(GOOD[:80], POOR[:80], labels=LABELS[:80]).pairs[0].on("malignant")
    thrice = compare(one, other, labels=labels, patients=patients).pairs[0].on("malignant")
    for name in ("roc_auc", "brier", "sensitivity"):
        a, b = whole.figures[name], thrice.figures[name]
        assert b.high - b.low == pytest.approx(a.high - a.low, rel=0.15), name
    assert thrice.decisions is not None
    assert thrice.decisions.method == "clustered"
    as_if_alone = compare(one, other, labels=labels).pairs[0].on("malignant").figures["roc_auc"]
    several = thrice.figures["roc_auc"]
    assert as_if_alone.high - as_if_alone.low < 0.7 * (several.high - several.low)


def test_intervals_of_differences_come_from_the_same_resamples() -> None:
    """Nearly the same reader differs by little, however wide its own interval is."""
    near = np.clip(GOOD + 0.01 * RNG.normal(size=N), 0, 1)
    found = compare(GOOD, near)
    own = found.reader("reader 0").on("malignant").figures["brier"]
    difference = found.pairs[0].on("malignant").figures["brier"]
    assert difference.high - difference.low < 0.2 * (own.high - own.low)


def test_intervals_of_differences_are_those_of_a_paired_mean_where_patients_have_one_image() -> None:
    """The oracle: a difference of means over the same images is the mean of their differences."""
    first, reference = candidate("first", LABELS, GOOD)
    second, _ = candidate("second", LABELS, POOR)
    figures = compare_readers([first, second], reference).pairs[0].on("malignant").figures
    good, poor, present = GOOD.astype(np.float32), POOR.astype(np.float32), LABELS == 1
    loss = [-np.log(np.where(present, scores, 1 - scores)) for scores in (good, poor)]
    called = [(scores >= 0.5).astype(float)[present] for scores in (good, poor)]
    parts = {
        "brier": (poor - LABELS) ** 2 - (good - LABELS) ** 2,
        "log_loss": loss[1] - loss[0],
        "sensitivity": called[1] - called[0],
    }
    for name, part in parts.items():
        low, high = DescrStatsW(part).zconfint_mean()
        assert figures[name].difference == pytest.approx(part.mean(), abs=1e-6), name
        assert (figures[name].low, figures[name].high) == pytest.approx(
            (low, high), abs=0.1 * (high - low)
        ), name


def test_p_values_are_adjusted_over_all_pairs_and_targets_of_a_test() -> None:
    labels, good, poor, fields = TASKS["multilabel"]
    found = compare(good, poor, (good + poor) / 2, labels=labels, all_pairs=True, **fields)
    assert [(one.baseline[-1], one.reader[-1]) for one in found.pairs] == [("0", "1"), ("0", "2"), ("1", "2")]
    for name in ("roc_auc", "sensitivity"):
        figures = [
            target.figures[name]
            for pair in found.pairs
            for target in pair.targets
            if name in target.figures and not np.isnan(target.figures[name].p_value)
        ]
        expected = multipletests([one.p_value for one in figures], method="holm")[1]
        assert [one.adjusted for one in figures] == pytest.approx(expected.tolist())
    decisions = [target.decisions for pair in found.pairs for target in pair.targets if target.decisions]
    assert len(decisions) == 9  # two findings and urgent, three pairs
    expected = multipletests([one.p_value for one in decisions], method="holm")[1]
    assert [one.adjusted for one in decisions] == pytest.approx(expected.tolist())


def test_only_images_that_all_have_read_count_and_the_others_are_told() -> None:
    first, reference = candidate("first", LABELS, GOOD)
    second, _ = candidate("second", LABELS, POOR)
    rejected = Candidate(
        "first", first.evaluation, with_rejects(first.readings, {"img-000": "damaged", "img-001": "damaged"})
    )
    shorter = Candidate("second", second.evaluation, second.readings.slice(0, N - 5))
    found = compare_readers([rejected, shorter], reference, resamples=100)
    assert (found.images, found.compared, found.left_out) == (N, N - 7, 7)
    assert found.notes == (
        "7 images of 240 are left out: 'first' could not read 2; 'second' has no reading of 5.",
    )
    truth, kept = LABELS[2:-5], found.reader("first").on("malignant").figures
    assert kept["roc_auc"].value == pytest.approx(mt.roc_auc(truth, GOOD[2:-5].astype(np.float32)))


def test_readers_of_other_classes_tasks_or_images_are_refused_in_one_sentence() -> None:
    good, reference = candidate("good", LABELS, GOOD)
    other, _ = candidate("other", LABELS, POOR, classes=("benign",))
    with pytest.raises(EvaluationError, match="'good' has classes malignant, 'other' benign"):
        compare_readers([good, other], reference)
    several, _ = candidate("several", LABELS[:, None], POOR[:, None], task="multilabel")
    with pytest.raises(EvaluationError, match="'good' has task binary, 'several' multilabel"):
        compare_readers([good, several], reference)
    early = Candidate("early", good.evaluation, good.readings.slice(0, 20))
    late = Candidate("late", good.evaluation, good.readings.slice(20))
    with pytest.raises(EvaluationError, match="no labelled image in common"):
        compare_readers([early, late], reference)
    with pytest.raises(UsageError, match="expected two readers or more, got 1"):
        compare_readers([good], reference)
    with pytest.raises(UsageError, match="two readers are called 'good'"):
        compare_readers([good, good], reference)


def test_two_files_of_one_name_are_refused() -> None:
    good, reference = candidate("good", LABELS, GOOD)
    tables = [
        good.readings.append_column("sha256", pa.array([f"{digest}{k}" for k in range(N)]))
        for digest in ("a", "b")
    ]
    one, other = (Candidate(name, good.evaluation, table) for name, table in zip("xy", tables, strict=True))
    with pytest.raises(EvaluationError, match="have read different files of this name"):
        compare_readers([one, other], reference)


def test_where_readers_call_other_classes_urgent_only_the_classes_are_compared() -> None:
    labels, good, poor, fields = TASKS["multiclass"]
    first, reference = candidate("first", labels, good, **fields)
    second, _ = candidate("second", labels, poor, **fields | {"urgent": ("a",)})
    found = compare_readers([first, second], reference, resamples=100)
    assert [one.name for one in found.targets] == ["a", "b", "c", "all classes"]
    assert found.urgent == ()
    assert "different classes urgent" in found.notes[0]


def test_a_class_without_positives_has_no_area_and_no_p_value() -> None:
    labels, good, poor, fields = TASKS["multilabel"]
    none = labels.copy()
    none[:, 1] = 0
    pair = compare(good, poor, labels=none, **fields).pairs[0]
    figure = pair.on("mass").figures["roc_auc"]
    assert np.isnan([figure.difference, figure.low, figure.p_value, figure.adjusted]).all()
    assert not np.isnan(pair.on("effusion").figures["roc_auc"].adjusted)
    assert not np.isnan(pair.on("all classes").figures["roc_auc"].difference)


def test_all_findings_are_compared_by_their_mean_on_the_same_resamples() -> None:
    labels, good, poor, fields = TASKS["multilabel"]
    pair = compare(good, poor, labels=labels, **fields).pairs[0]
    for name in ("roc_auc", "average_precision", "brier"):
        single = [pair.on(finding).figures[name] for finding in fields["classes"]]
        mean = pair.on("all classes").figures[name]
        assert mean.difference == pytest.approx(np.mean([one.difference for one in single]))
        widths = [one.high - one.low for one in single]
        assert 0 < mean.high - mean.low < max(widths)
        assert mean.low < mean.difference < mean.high
        assert np.isnan(mean.p_value)


def test_two_readers_that_separate_perfectly_are_not_called_equal() -> None:
    perfect = [np.where(LABELS == 1, 0.8, 0.2), np.where(LABELS == 1, 0.9, 0.1 + 0.1 * RNG.random(N))]
    figures = compare(*perfect).pairs[0].on("malignant").figures
    assert np.isnan([figures["roc_auc"].low, figures["roc_auc"].p_value]).all()
    assert np.isnan([figures["sensitivity"].low, figures["accuracy"].high]).all()
    assert figures["sensitivity"].difference == 0


def test_a_proportion_of_one_has_the_exact_interval_of_its_patients() -> None:
    perfect = np.where(LABELS == 1, 0.8, 0.2)
    found = compare(perfect, POOR, patients=SEVERAL).reader("reader 0").on("malignant").figures
    patients = len({name for name, label in zip(SEVERAL, LABELS, strict=True) if label == 1})
    assert found["sensitivity"].method == "exact"
    assert found["sensitivity"].low == pytest.approx(proportion_confint(patients, patients, method="beta")[0])


def test_the_comparison_is_plain_json_and_the_same_again() -> None:
    text = compare(GOOD, POOR).model_dump_json()
    assert "NaN" not in text
    assert Comparison.model_validate_json(text).model_dump_json() == text
    assert compare(GOOD, POOR).model_dump_json() == text
