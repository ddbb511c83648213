from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overread.cohort.schema import Split, Task
from overread.cohort.upsample import Share, UpsamplingPlan, plan_upsampling
from overread.errors import CohortError


def plan(
    targets: np.ndarray,
    task: Task,
    share: Share = "equal",
    *,
    seed: int = 0,
    splits: list[Split] | None = None,
) -> UpsamplingPlan:
    ids = [f"image {at}" for at in range(len(targets))]
    return plan_upsampling(ids, targets, splits or ["train"] * len(ids), task=task, share=share, seed=seed)


def shares_of(targets: np.ndarray, made: UpsamplingPlan) -> np.ndarray:
    times = np.array([1 + made.copies.get(f"image {at}", 0) for at in range(len(targets))])
    return times @ (targets == 1) / times.sum()


def binary(positives: int, negatives: int) -> np.ndarray:
    return np.array([1.0] * positives + [0.0] * negatives)[:, None]


@settings(max_examples=80)
@given(st.integers(20, 400), st.integers(20, 4000), st.floats(0.05, 0.5), st.integers(0, 9))
def test_a_binary_cohort_reaches_the_wanted_share_within_a_point(
    positives: int, negatives: int, share: float, seed: int
) -> None:
    targets = binary(positives, negatives)
    made = plan(targets, "binary", share, seed=seed)
    (reached,) = shares_of(targets, made)
    before = positives / (positives + negatives)
    wanted = min(max(before, share), 1 - share)
    assert abs(reached - wanted) < 0.01
    assert made.after[0] == pytest.approx(reached)
    assert made.before == pytest.approx((before, 1 - before))


@settings(max_examples=40)
@given(st.lists(st.integers(5, 2000), min_size=2, max_size=8), st.floats(0.2, 1.0), st.integers(0, 9))
def test_every_class_of_several_has_at_least_its_share(counts: list[int], part: float, seed: int) -> None:
    targets = np.eye(len(counts))[np.repeat(np.arange(len(counts)), counts)]
    share = part / len(counts)
    reached = shares_of(targets, plan(targets, "multiclass", share, seed=seed))
    assert reached.min() > share - 0.01
    untouched = np.array(counts) / sum(counts) >= share
    for at in np.flatnonzero(~untouched):
        assert abs(reached[at] - share) < 0.01  # and not more than it asked for
    equal = shares_of(targets, plan(targets, "multiclass"))
    np.testing.assert_allclose(equal, 1 / len(counts))


@settings(max_examples=100)
@given(
    st.lists(st.integers(1, 40) | st.integers(1, 5000), min_size=2, max_size=9),
    st.floats(0.01, 1.0) | st.just(1.0),
)
def test_no_class_has_less_than_its_share_and_none_that_is_copied_a_point_more(
    counts: list[int], part: float
) -> None:
    share = part / len(counts)
    targets = np.eye(len(counts))[np.repeat(np.arange(len(counts)), counts)]
    made = plan(targets, "multiclass", share)
    reached = shares_of(targets, made)
    before = np.array(counts) / sum(counts)
    assert reached.min() >= share - 1e-9
    # Whole images cannot be divided: what is over goes to the class, or to one of those, that are largest.
    others = np.array(counts) != max(counts)
    assert (reached <= np.maximum(before, share + 0.01) + 1e-9)[others].all()
    if before.min() >= share:
        assert not made.total


@settings(max_examples=25)
@given(
    st.integers(0, 10_000), st.integers(2, 6), st.sampled_from([60, 400]), st.floats(0.05, 0.4) | st.none()
)
def test_findings_reach_their_share_wherever_a_linear_program_finds_a_way(
    seed: int, findings: int, count: int, share: float | None
) -> None:
    from scipy.optimize import linprog

    rng = np.random.default_rng(seed)
    present = rng.random((count, findings)) < rng.uniform(0.02, 0.4, findings)
    if seed % 2:
        present[:, -1] &= present[:, 0]
    present[0] = True
    kinds, sizes = np.unique(present, axis=0, return_counts=True)
    goal = present.mean(0).max() if share is None else share
    found = linprog(
        np.ones(len(sizes)),
        A_ub=goal - kinds.T.astype(float),
        b_ub=np.zeros(findings),
        bounds=[(size, 101 * size) for size in sizes],
    )
    targets = present.astype(float)
    reached = shares_of(targets, plan(targets, "multilabel", "equal" if share is None else share))
    if found.status == 0 and found.fun <= 10 * count:
        assert reached.min() > goal - 0.01


def test_images_of_one_class_differ_by_one_copy_at_most_and_the_seed_draws_who() -> None:
    targets = binary(30, 100)
    made = plan(targets, "binary")
    numbers = [made.copies[f"image {at}"] for at in range(30)]
    assert sum(numbers) == made.total == 70
    assert set(numbers) == {2, 3}
    assert made.copies.keys() == {f"image {at}" for at in range(30)}
    assert plan(targets, "binary", seed=1).copies != made.copies


@settings(max_examples=20)
@given(st.randoms(use_true_random=False), st.integers(0, 5))
def test_the_order_of_images_does_not_matter(random: object, seed: int) -> None:
    rng = np.random.default_rng(seed)
    targets = (rng.random((80, 3)) < [0.5, 0.2, 0.1]).astype(float)
    ids = [f"image {at}" for at in range(80)]
    order = list(range(80))
    random.shuffle(order)  # type: ignore[attr-defined]
    made = plan(targets, "multilabel", seed=seed)
    again = plan_upsampling(
        [ids[at] for at in order], targets[order], ["train"] * 80, task="multilabel", seed=seed
    )
    assert made == again
    assert made.key == again.key


def test_only_labelled_images_of_train_are_copied() -> None:
    targets = binary(20, 60)
    targets[0] = np.nan
    splits: list[Split] = ["train", "tune", "test", *["train"] * 77]  # type: ignore[list-item]
    made = plan(targets, "binary", splits=splits)
    assert not {"image 0", "image 1", "image 2"} & made.copies.keys()
    assert made.before[0] == pytest.approx(17 / 77)
    assert made.total == 60 - 17


def test_findings_that_come_alone_reach_their_share() -> None:
    rng = np.random.default_rng(0)
    targets = np.zeros((2000, 3))
    kind = rng.choice(4, 2000, p=[0.5, 0.3, 0.15, 0.05])
    targets[kind < 3, kind[kind < 3]] = 1
    reached = shares_of(targets, plan(targets, "multilabel", 0.2))
    assert reached.min() > 0.19


def test_findings_that_come_together_come_nearer_to_equal() -> None:
    rng = np.random.default_rng(0)
    targets = (rng.random((3000, 4)) < [0.3, 0.1, 0.05, 0.05]).astype(float)
    targets[:, 3] *= targets[:, 0]  # only ever beside the commonest
    before = targets.mean(0)
    made = plan(targets, "multilabel")
    reached = shares_of(targets, made)
    assert reached.min() > 0.29  # of 0.30
    assert max(made.copies.values()) <= 100
    assert made.total < 9 * 3000
    np.testing.assert_allclose(made.before, before)
    np.testing.assert_allclose(made.after, reached)


def test_a_share_that_not_all_classes_can_have_is_refused() -> None:
    with pytest.raises(CohortError, match=r"at most 1 / 3 as the share of each of 3 classes, got 0.4"):
        plan(np.eye(3)[[0, 0, 1, 2]], "multiclass", 0.4)


def test_a_class_without_images_and_ids_like_those_of_copies_are_refused() -> None:
    with pytest.raises(CohortError, match="train has no image of a class"):
        plan(binary(0, 9), "binary")
    with pytest.raises(CohortError, match="image 'a#copy1': its name contains '#copy'"):
        plan_upsampling(["a#copy1"], binary(1, 0), ["train"], task="binary", seed=0)
