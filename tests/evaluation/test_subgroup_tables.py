"""Which subgroups are looked at, in made cohorts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import sklearn.metrics as oracle

from overread.errors import EvaluationError
from overread.evaluation.asked import Asked
from overread.evaluation.evaluate import evaluate_readings
from overread.evaluation.subgroups import pooled_kinds
from tests.evaluation.made import make_manifest, make_scores, make_tables


def evaluated(columns, *, task: str = "binary", asked: Asked | None = None, n: int = 240, worse_for=None):
    rng = np.random.default_rng(0)
    classes = {"binary": ("malignant",), "multilabel": ("a", "b"), "multiclass": ("nv", "mel", "bcc")}[task]
    if task == "multiclass":
        labels = np.eye(3)[rng.choice(3, n)]
        logits = rng.normal(size=(n, 3)) + 1.5 * labels
        scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    else:
        labels = (rng.random((n, len(classes))) < 0.4).astype(float)
        scores = make_scores(rng, labels)
    if worse_for is not None:
        scores[worse_for] = rng.random((int(worse_for.sum()), len(classes)))
    scores = scores.astype(np.float32).astype(float)
    manifest = make_manifest(task, classes, urgent=classes[1:] if task == "multiclass" else None)
    patients = [f"p{k}" for k in rng.integers(0, n // 2, n)]
    readings, reference = make_tables(labels, scores, manifest=manifest, patients=patients)
    for name, values in columns.items():
        reference = reference.append_column(name, pa.array(values))
    # The reference also holds other splits, in any order.
    more = reference.set_column(0, "image_id", pa.array([f"x{k}" for k in range(n)]))
    more = more.set_column(more.column_names.index("split"), "split", pa.array(["train"] * n))
    reference = pa.concat_tables([more, reference]).take(np.random.default_rng(1).permutation(2 * n))
    found = evaluate_readings(readings, reference, manifest=manifest, resamples=100, asked=asked or Asked())
    return labels, scores, found


def test_a_binary_reader_is_looked_at_by_area_sensitivity_and_specificity() -> None:
    sex = np.where(np.arange(240) % 3, "F", "M")
    labels, scores, found = evaluated({"sex": sex})
    assert [(t.column, t.of, t.statistic) for t in found.subgroups] == [
        ("sex", "malignant", "roc_auc"),
        ("sex", "malignant", "sensitivity"),
        ("sex", "malignant", "specificity"),
    ]
    area, sensitivity, specificity = (table.rows[0] for table in found.subgroups)
    here = sex == "F"
    truth, values = labels[here, 0], scores[here, 0]
    assert (area.name, area.images, area.positives) == ("F", here.sum(), truth.sum())
    assert area.figure.value == pytest.approx(oracle.roc_auc_score(truth, values))
    assert sensitivity.figure.value == pytest.approx(oracle.recall_score(truth, values >= 0.5))
    assert specificity.figure.value == pytest.approx(oracle.recall_score(1 - truth, values < 0.5))
    assert area.figure.low < area.figure.value < area.figure.high


def test_a_subgroup_that_is_read_worse_is_found() -> None:
    site = np.array(["arm", "leg", "trunk"])[np.arange(240) % 3]
    _, _, found = evaluated({"site": site}, worse_for=site == "leg")
    rows = {row.name: row for row in found.subgroups[0].rows}
    assert rows["leg"].p_holm < 0.05
    assert rows["leg"].p_value == min(row.p_value for row in rows.values())
    assert rows["leg"].difference.high < 0 < rows["arm"].difference.value


def test_columns_that_tell_nothing_apart_are_left_out_by_auto() -> None:
    said = {
        "sex": ["F"] * 239 + ["M"],
        "view": [None] * 240,
        "source": ["a"] * 120 + ["b"] * 120,
        "device": [f"d{k}" for k in range(240)],
        "width": [100, 200] * 120,
    }
    _, _, found = evaluated(said)
    assert {table.column for table in found.subgroups} == {"source"}


def test_rare_kinds_are_pooled_and_what_is_not_stated_stands_alone() -> None:
    site = ["arm"] * 100 + ["leg"] * 60 + [None] * 60 + ["ear"] * 12 + ["toe"] * 8
    _, _, found = evaluated({"site": site})
    assert [(row.name, row.images) for row in found.subgroups[0].rows] == [
        ("arm", 100),
        ("leg", 60),
        ("other", 20),
        ("not stated", 60),
    ]


def test_ages_come_in_bands_and_other_numbers_in_thirds() -> None:
    said = {
        "age": pa.array(np.tile([30.0, 50.0, 70.0, np.nan], 60), pa.float32()),
        "width": np.repeat([100, 200, 300, 400], 60),
        "rooms": np.tile([1, 2], 120),
    }
    _, _, found = evaluated(said, asked=Asked(subgroups=("age", "width", "rooms")))
    names = {table.column: [row.name for row in table.rows] for table in found.subgroups}
    assert names["age"] == ["under 40", "40 to 60", "60 and over", "not stated"]
    assert names["width"] == ["under 200", "200 to 300", "300 and over"]
    assert names["rooms"] == ["1", "2"]


def test_a_multiclass_reader_is_looked_at_by_its_urgent_sum() -> None:
    labels, scores, found = evaluated({"sex": ["F", "M"] * 120}, task="multiclass")
    assert {(t.of, t.statistic) for t in found.subgroups} == {
        ("urgent", name) for name in ("roc_auc", "sensitivity", "specificity")
    }
    row = found.subgroups[0].rows[0]
    expected = oracle.roc_auc_score(1 - labels[::2, 0], scores[::2, 1:].sum(axis=1))
    assert row.figure.value == pytest.approx(expected)


def test_a_multilabel_reader_is_looked_at_finding_by_finding_and_by_its_decisions() -> None:
    labels, scores, found = evaluated({"sex": ["F", "M"] * 120}, task="multilabel")
    assert [(t.of, t.statistic) for t in found.subgroups] == [
        ("a", "roc_auc"),
        ("b", "roc_auc"),
        ("urgent", "sensitivity"),
        ("urgent", "specificity"),
    ]
    called = (scores[::2] >= 0.5).any(axis=1)
    row = found.subgroups[2].rows[0]
    assert row.figure.value == pytest.approx(oracle.recall_score(labels[::2].max(axis=1), called))


def test_a_column_that_is_asked_for_and_not_there_is_refused() -> None:
    with pytest.raises(EvaluationError, match="expected a column 'ward'"):
        evaluated({}, asked=Asked(subgroups=("ward",)))


def test_no_more_kinds_are_kept_than_a_table_can_show() -> None:
    kinds = [f"k{number}" for number in range(12) for _ in range(30 - number)]
    found = pooled_kinds(kinds, least=1)
    assert sorted(set(found)) == ["k0", "k1", "k2", "k3", "k4", "k5", "k6", "other"]
    assert set(pooled_kinds(kinds[: 30 + 29], least=1)) == {"k0", "k1"}
    assert pooled_kinds(["a", "a", "b"], least=2) == ["a", "a", "b"]
    eight = [f"k{number}" for number in range(8)] * 3
    assert pooled_kinds(eight, least=3) == eight


def test_tables_of_many_findings_are_bounded(monkeypatch) -> None:
    monkeypatch.setattr("overread.evaluation.subgroup_tables.MOST_TABLES", 1)
    labels, _, found = evaluated({"sex": ["F", "M"] * 120}, task="multilabel")
    [kept] = [table.of for table in found.subgroups if table.statistic == "roc_auc"]
    assert kept == ("a", "b")[int(labels.sum(axis=0).argmax())]


def test_a_perfect_proportion_of_a_subgroup_has_an_exact_interval() -> None:
    manifest = make_manifest()
    labels = np.tile([1.0, 0.0], 40)
    readings, reference = make_tables(labels, labels * 0.8 + 0.1, manifest=manifest)
    reference = reference.append_column("sex", pa.array(["F"] * 40 + ["M"] * 40))
    found = evaluate_readings(readings, reference, manifest=manifest, resamples=20)
    row = found.subgroups[1].rows[0]
    assert (row.figure.value, row.figure.method) == (1.0, "exact")
    assert row.figure.low == pytest.approx(0.832, abs=1e-3)  # 20 patients
