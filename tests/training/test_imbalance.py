from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overread.evaluation.calibration import apply_calibration, fit_calibration
from overread.training.heads import FeatureCopies, fit_head
from overread.training.imbalance import Imbalance, Kind, chances_of, class_weights_of, remedy_for
from overread.training.network import Task

NAN = math.nan


def test_balanced_weights_make_both_sides_of_a_finding_count_the_same() -> None:
    targets = np.array([[1, 0], [0, 0], [0, NAN], [0, 1]], np.float32)
    weights = class_weights_of(targets, task="multilabel", balanced=True)
    np.testing.assert_allclose(weights[0], [0.5 / 0.75, 0.5 / 0.25])
    np.testing.assert_allclose(weights[1], [0.5 / (2 / 3), 0.5 / (1 / 3)], rtol=1e-6)
    shares = np.array([0.75, 0.25])
    assert (shares * weights[0]).sum() == pytest.approx(1)


def test_balanced_multiclass_weights_leave_out_a_class_without_images() -> None:
    targets = np.array([[1, 0, 0], [1, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
    weights = class_weights_of(targets, task="multiclass", balanced=True)
    np.testing.assert_allclose(weights, [1 / (0.75 * 2), 1 / (0.25 * 2), 0])
    assert (class_weights_of(targets, task="multiclass", balanced=False) == 1).all()


def test_images_of_all_classes_are_drawn_equally_often() -> None:
    targets = np.eye(3)[[0] * 60 + [1] * 30 + [2] * 10]
    chances = chances_of(targets, task="multiclass")
    np.testing.assert_allclose([chances[targets[:, at] == 1].sum() for at in range(3)], 100 / 3)
    finding = (np.arange(50) < 5)[:, None].astype(float)
    assert chances_of(finding, task="binary")[:5].sum() == pytest.approx(25)


def test_of_several_findings_the_rarest_decides_how_often_an_image_is_drawn() -> None:
    targets = np.array([[1, 1], [1, 0], [1, 0], [0, 0], [1, NAN]])
    chances = chances_of(targets, task="multilabel")
    np.testing.assert_allclose(chances / chances[1], [(4 / 5) / (1 / 5), 1, 1, (4 / 5) / (1 / 5), 1])


@settings(max_examples=50)
@given(st.lists(st.integers(1, 50), min_size=2, max_size=5))
def test_weights_and_draws_move_the_logits_by_the_same(counts: list[int]) -> None:
    targets = np.eye(len(counts))[np.repeat(np.arange(len(counts)), counts)]
    share = np.array(counts) / sum(counts)
    for kind in ("class-weights", "balanced-sampling"):
        offset = remedy_for(Imbalance(kind), targets, task="multiclass").offset  # type: ignore[arg-type]
        np.testing.assert_allclose(offset - offset[0], np.log(share[0] / share), atol=1e-9)
    finding = targets[:, :1]
    for kind in ("class-weights", "balanced-sampling"):
        remedy = remedy_for(Imbalance(kind), finding, task="binary")  # type: ignore[arg-type]
        np.testing.assert_allclose(remedy.offset, np.log((1 - share[0]) / share[0]), atol=1e-9)


def test_copies_move_the_logits_by_what_they_change() -> None:
    targets = np.array([[1.0], [0.0], [0.0], [0.0], [1.0], [1.0]])
    remedy = remedy_for(Imbalance("upsample"), targets, task="binary", copies=2)
    assert remedy.offset == pytest.approx(math.log(1 / 1) - math.log(1 / 3))
    assert remedy.chances is None
    assert remedy_for(Imbalance("none"), targets, task="binary").offset == pytest.approx(0)


@pytest.mark.parametrize("kind", ["class-weights", "balanced-sampling"])
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_weights_and_draws_beside_copies_come_to_what_they_come_to_alone(kind: Kind, task: Task) -> None:
    targets = np.eye(3)[[0] * 60 + [1] * 30 + [2] * 10]
    targets = targets[:, 2:] if task == "binary" else targets
    copied = np.concatenate([targets, targets[-10:], targets[-10:]])
    alone = remedy_for(Imbalance(kind), targets, task=task)
    beside = remedy_for(Imbalance(kind), copied, task=task, copies=20)
    # Both show each class equally often in the end, and are led astray by as much.
    np.testing.assert_allclose(beside.offset - beside.offset[0], alone.offset - alone.offset[0], atol=1e-9)
    if task == "binary":
        np.testing.assert_allclose(beside.offset, alone.offset, atol=1e-9)
    assert not np.allclose(beside.class_weights, alone.class_weights) or kind == "balanced-sampling"


def rare(task: Task, *, count: int = 3000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features and targets of a logistic model with rare classes."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 4))
    logits = x @ rng.normal(size=(4, 3)) + [-2.5, -2.0, 2.0]
    if task == "multiclass":
        scores = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        return x, np.eye(3)[(scores.cumsum(1) > rng.random((count, 1))).argmax(1)]
    targets = (rng.random((count, 3)) < 1 / (1 + np.exp(-logits))).astype(float)
    return x, targets[:, :1] if task == "binary" else targets


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("kind", ["none", "class-weights", "balanced-sampling", "upsample", "focal"])
def test_scores_are_about_the_cohort_as_it_is_whatever_was_done_about_rare_classes(
    task: Task, kind: Kind
) -> None:
    x, targets = rare(task)
    copies = None
    if kind == "upsample":
        origin = np.repeat(np.flatnonzero(targets[:, 0] == 1), 6)
        copies = FeatureCopies(x[origin], origin)
    fitted = fit_head(
        x,
        targets,
        kind="linear",
        task=task,
        groups=np.arange(len(x)),
        folds=2,
        imbalance=Imbalance(kind),
        seed=0,
        copies=copies,
    )
    share = targets.mean(0)
    raw = fitted.held_out_logits
    raw = np.exp(raw) / np.exp(raw).sum(1, keepdims=True) if task == "multiclass" else 1 / (1 + np.exp(-raw))
    # Copies of one finding change what others come with it, which calibration mends.
    np.testing.assert_allclose(raw.mean(0), share, rtol=0.15 if kind != "upsample" else 0.25)
    found = fit_calibration(fitted.held_out_logits, targets, task=task)
    scores = apply_calibration(fitted.held_out_logits, found, task=task)
    np.testing.assert_allclose(scores.mean(0), share, rtol=0.15)


def test_a_linear_head_by_draws_is_the_one_by_weights() -> None:
    x, targets = rare("multiclass", count=300)
    logits = [
        fit_head(
            x,
            targets,
            kind="linear",
            task="multiclass",
            groups=np.arange(300),
            folds=2,
            imbalance=Imbalance(kind),  # type: ignore[arg-type]
            seed=0,
        ).held_out_logits
        for kind in ("class-weights", "balanced-sampling")
    ]
    np.testing.assert_allclose(logits[0], logits[1], atol=1e-6)
