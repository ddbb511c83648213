"""Learning curves of heads on made features."""

from __future__ import annotations

import numpy as np
import pytest

from overread.training import learning_curve as lc
from overread.training.learning_curve import head_learning_curve


def features(*, patients: int = 80, width: int = 30, strength: float = 0.5, seed: int = 0):
    """1 to 3 images a patient; a third of the features say a little of the class."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(patients), rng.integers(1, 4, patients))
    labels = (rng.random(patients) < 0.4).astype(float)[groups]
    x = rng.normal(size=(groups.size, width)) + 0.5 * rng.normal(size=(patients, width))[groups]
    x[:, : width // 3] += strength * labels[:, None]
    return x, labels[:, None], groups


def curve(x, targets, groups, **changed):
    given = {"task": "binary", "head": "linear", "penalty": 3.0, "balanced": True, "seed": 0} | changed
    return head_learning_curve(x, targets, groups, **given)


def test_more_patients_help_where_there_is_something_to_learn() -> None:
    x, targets, groups = features()
    rows, why_not = curve(x, targets, groups)
    assert why_not == ""
    assert [row["share"] for row in rows] == pytest.approx([0.2, 0.4, 0.6, 0.8], abs=0.03)
    assert [row["patients"] for row in rows] == pytest.approx([16, 32, 48, 64], abs=2)
    assert rows[-1]["images"] == pytest.approx(0.8 * len(x), rel=0.05)
    assert rows[-1]["auc"] > rows[0]["auc"] + 0.05
    assert all(row["low"] <= row["auc"] <= row["high"] for row in rows)


def test_nothing_to_learn_is_no_curve_upwards() -> None:
    rows, _ = curve(*features(strength=0.0, patients=120))
    assert all(0.35 < row["auc"] < 0.65 for row in rows)


def test_no_patient_is_fitted_to_and_tried_on() -> None:
    # The label is the patient's own and nothing else: whoever knows the patient knows it.
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(40), 5)
    labels = rng.integers(0, 2, 40).astype(float)[groups]
    x = rng.normal(size=(40, 200))[groups] + 0.01 * rng.normal(size=(200, 200))
    rows, _ = curve(x, labels[:, None], groups)
    assert all(row["auc"] < 0.75 for row in rows)


def test_the_same_seed_gives_the_same_curve() -> None:
    data = features(patients=40)
    assert curve(*data, seed=3) == curve(*data, seed=3) != curve(*data, seed=4)


@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_several_classes_have_one_curve(task) -> None:
    rng = np.random.default_rng(2)
    x, _, groups = features(patients=90)
    kinds = rng.integers(0, 3, len(x))
    x[np.arange(len(x)), kinds] += 2
    targets = np.eye(3)[kinds]
    if task == "multilabel":
        targets[::9, 0] = np.nan
    rows, why_not = curve(x, targets, groups, task=task)
    assert why_not == ""
    assert rows[-1]["auc"] > 0.8


def test_a_part_without_a_class_is_undefined() -> None:
    x, targets, groups = features(patients=40)
    targets[:] = 0
    targets[np.isin(groups, (3, 17))] = 1
    rows, _ = curve(x, targets, groups)
    assert np.isnan(rows[0]["auc"])
    assert not np.isnan(rows[-1]["auc"])


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"head": "random-forest"}, "a random-forest head is not refitted"), ({"head": "mlp"}, "mlp")],
)
def test_dear_heads_have_no_curve_and_say_why(changed, said) -> None:
    rows, why_not = curve(*features(patients=20), **changed)
    assert rows == []
    assert said in why_not


def test_many_images_get_fewer_draws_and_in_the_end_none(monkeypatch) -> None:
    data = features(patients=40)
    fits = []
    fitted = lc.fit_linear
    monkeypatch.setattr(lc, "fit_linear", lambda *a, **k: fits.append(1) or fitted(*a, **k))
    for most, wanted in ((1e12, 60), (7e6, 20), (4e6, 12), (0, 0)):
        fits.clear()
        monkeypatch.setattr(lc, "MOST_WORK", most)
        rows, why_not = curve(*data)
        assert len(fits) == wanted
        assert bool(rows) == bool(wanted) != bool(why_not)


def test_too_few_patients_have_no_curve() -> None:
    rows, why_not = curve(*features(patients=4))
    assert rows == []
    assert "too few patients" in why_not
