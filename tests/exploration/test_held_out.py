"""Cross-validated AUC: folds by patient, no bias where there is nothing, intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from overread.evaluation.intervals import Interval, clustered_bootstrap
from overread.exploration.factors import Column
from overread.exploration.held_out import deal_folds, held_out_scores, widened, within_folds_auc_of


def once(statistic: object, count: int) -> float:
    return float(statistic(np.ones((1, count)))[0])  # type: ignore[operator]


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 12)), min_size=4, max_size=80),
    st.integers(2, 5),
    st.integers(0, 99),
)
@settings(max_examples=100)
def test_patients_stay_whole_and_positives_are_dealt_evenly(
    images: list[tuple[int, int]], folds: int, seed: int
) -> None:
    labels = np.array([label for label, _ in images], np.float64)
    patients = np.unique([patient for _, patient in images], return_inverse=True)[1]
    fold_of = deal_folds(labels, patients, folds=folds, seed=seed)
    assert all(len({*fold_of[patients == patient]}) == 1 for patient in patients)
    sick = {patient for patient, label in zip(patients, labels, strict=True) if label}
    dealt = np.bincount([fold_of[patients == patient][0] for patient in sick], minlength=folds)
    assert dealt.max() - dealt.min() <= 1


@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 1.0, np.nan]), st.integers(0, 4), st.integers(0, 2)),
        min_size=1,
        max_size=60,
    )
)
@settings(max_examples=150)
def test_auc_is_that_of_scikit_learn_averaged_over_pairs_of_folds(rows: list[tuple[float, int, int]]) -> None:
    labels, scores, fold_of = (np.array(column, np.float64) for column in zip(*rows, strict=True))
    won = pairs = 0.0
    for fold in range(3):
        here = (fold_of == fold) & ~np.isnan(labels)
        count = (labels[here] == 1).sum() * (labels[here] == 0).sum()
        if count:
            won, pairs = won + count * roc_auc_score(labels[here], scores[here]), pairs + count
    found = once(within_folds_auc_of(labels, scores / 4, fold_of.astype(np.int64)), labels.size)
    assert found == pytest.approx(won / pairs if pairs else np.nan, nan_ok=True)


def test_a_fold_without_one_side_in_a_resample_is_left_out() -> None:
    labels, scores = np.array([0.0, 1, 0, 1]), np.array([0.1, 0.9, 0.9, 0.1])
    statistic = within_folds_auc_of(labels, scores, np.array([0, 0, 1, 1]))
    weights = np.array([[1.0, 1, 1, 1], [1, 1, 2, 0], [0, 2, 1, 1], [2, 0, 0, 2]])
    assert statistic(weights) == pytest.approx([0.5, 1.0, 0.0, np.nan], nan_ok=True)


def simulated(seed: int, *, images: int, kind: str, per_patient: int = 1) -> tuple[float, Interval]:
    """A factor that says nothing: its pooled AUC, and its AUC within folds with interval."""
    rng = np.random.default_rng(seed)
    patients = np.repeat(np.arange(images // per_patient), per_patient)
    if kind == "category":
        values = rng.integers(0, 3, images // per_patient)[patients].astype(float)
        column = Column("x", values, ("a", "b", "c"))
    else:
        column = Column("x", rng.normal(size=images))
    labels = (rng.random(images // per_patient) < 0.4)[patients].astype(float)
    fold_of = deal_folds(labels, patients, folds=5, seed=10_000 + seed)
    scores = held_out_scores([column], labels, fold_of)
    found = clustered_bootstrap(
        within_folds_auc_of(labels, scores, fold_of), patients, resamples=150, seed=seed
    )
    return float(roc_auc_score(labels, scores)), widened(found, folds=5, patients=len({*patients}))


def check_nothing(runs: int, *, images: int, kind: str, per_patient: int, covered: float) -> float:
    """Check mean and coverage over runs, and give back the mean of the pooled AUC."""
    found = [simulated(seed, images=images, kind=kind, per_patient=per_patient) for seed in range(runs)]
    values = np.array([one.value for _, one in found])
    assert abs(values.mean() - 0.5) < 3 * values.std() / runs**0.5
    assert np.mean([one.low <= 0.5 <= one.high for _, one in found]) >= covered
    return float(np.mean([pooled for pooled, _ in found]))


def test_a_factor_that_says_nothing_has_an_auc_of_one_half() -> None:
    pooled = check_nothing(60, images=80, kind="category", per_patient=1, covered=0.9)
    assert pooled < 0.48  # why scores of different folds are not compared


@pytest.mark.slow
@pytest.mark.parametrize(
    ("images", "per_patient", "kind"),
    [
        (60, 1, "number"),
        (400, 4, "category"),
        *(
            pytest.param(*case, marks=pytest.mark.exhaustive)
            for case in [(60, 1, "category"), (200, 1, "number"), (200, 1, "category"), (400, 4, "number")]
        ),
    ],
)
def test_intervals_cover_one_half_where_there_is_nothing(kind: str, images: int, per_patient: int) -> None:
    check_nothing(120, images=images, kind=kind, per_patient=per_patient, covered=0.92)


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize(
    ("shift", "images"), [(0.6, 200), (1.2, 200), pytest.param(0.6, 800, marks=pytest.mark.exhaustive)]
)
def test_intervals_cover_what_the_trees_reach(shift: float, images: int) -> None:
    found = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        labels = (rng.random(images) < 0.3).astype(float)
        patients = np.arange(images)
        fold_of = deal_folds(labels, patients, folds=5, seed=10_000 + seed)
        scores = held_out_scores([Column("x", rng.normal(size=images) + shift * labels)], labels, fold_of)
        statistic = within_folds_auc_of(labels, scores, fold_of)
        interval = clustered_bootstrap(statistic, patients, resamples=150, seed=seed)
        found.append(widened(interval, folds=5, patients=int(labels.sum())))
    reached = np.mean([one.value for one in found])
    assert np.mean([one.low <= reached <= one.high for one in found]) >= 0.93


@pytest.mark.parametrize("shape", ["rising", "middle", "missing", "level"])
def test_the_trees_find_what_is_not_straight(shape: str) -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0.0, 1.0], 60)
    x = rng.normal(size=120)
    columns = {
        "rising": [Column("x", x + 3 * labels)],
        "middle": [Column("x", np.where(labels == 1, x / 10, x * 3))],
        "missing": [Column("x", np.where(labels == 1, np.nan, x))],
        "level": [Column("x", labels + 2.0, ("a", "b", "c", "d"))],
    }[shape]
    fold_of = deal_folds(labels, np.arange(120), folds=5, seed=0)
    scores = held_out_scores([*columns, Column("y", rng.normal(size=120))], labels, fold_of)
    assert once(within_folds_auc_of(labels, scores, fold_of), 120) > 0.9


def test_rare_levels_are_known_by_being_rare() -> None:
    labels = np.repeat([0.0, 1.0], 100)
    codes = np.concatenate([np.zeros(100), 1 + np.arange(100) // 5])
    column = Column("name", codes, tuple(map(str, range(21))))
    fold_of = deal_folds(labels, np.arange(200), folds=5, seed=0)
    assert once(within_folds_auc_of(labels, held_out_scores([column], labels, fold_of), fold_of), 200) == 1.0


def test_the_trees_never_see_the_fold_that_they_score() -> None:
    labels = np.array([0.0, 1.0] * 50)
    fold_of = np.repeat(np.arange(5), 20)
    x = np.random.default_rng(0).normal(size=100)
    before = held_out_scores([Column("x", x)], labels, fold_of)
    changed = np.where(fold_of == 0, 1 - labels, labels)
    after = held_out_scores([Column("x", x)], changed, fold_of)
    assert np.array_equal(before[fold_of == 0], after[fold_of == 0])
    assert not np.array_equal(before[fold_of != 0], after[fold_of != 0])


def test_intervals_are_widened_by_the_folds_that_share_patients() -> None:
    found = widened(Interval(0.7, 0.6, 0.78), folds=5, patients=50)
    assert (found.low, found.high) == pytest.approx((0.7 - 1.5 * 0.1, 0.7 + 1.5 * 0.08))
    assert widened(Interval(0.9, 0.5, 0.99), folds=2, patients=50).high == 1.0


def test_perfect_order_is_no_certainty() -> None:
    found = widened(Interval(1.0, 1.0, 1.0), folds=5, patients=20)
    assert (round(found.low, 3), found.high, found.method) == (0.832, 1.0, "exact")
