from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

from overread.training.grown_trees import at_most, between_images, read_trees
from overread.training.trees import Ensemble, TreeHead, Trees, planted


def stump(threshold: float, left: float, right: float) -> Trees:
    return Trees(
        feature=np.array([1, 0, 0]),
        threshold=np.array([threshold, 0, 0], np.float32),
        left=np.array([1, 1, 2]),
        right=np.array([2, 1, 2]),
        value=np.array([[0], [left], [right]], np.float32),
        roots=np.zeros(1, np.int64),
        depth=1,
    )


def head(trees: list[Trees], **changes: Any) -> TreeHead:
    settings: dict[str, Any] = {"link": "logit", "base": np.zeros(1), "offset": np.zeros(1), **changes}
    return TreeHead([Ensemble(planted(trees), **settings)])


def answers(module: TreeHead, x: list[list[float]]) -> list[float]:
    return [float(value) for value in module(torch.tensor(x, dtype=torch.float32))[:, 0]]


def test_a_walk_goes_left_at_the_threshold_and_right_above_it() -> None:
    above = float(np.nextafter(np.float32(0.3), np.float32(1)))
    assert answers(head([stump(0.3, -1, 2)]), [[9, 0.3], [9, above], [9, -5]]) == [-1, 2, -1]


def test_trees_are_added_to_the_base_and_the_offset_is_taken_off() -> None:
    module = head([stump(0, -1, 2), stump(1, 10, 20)], base=np.array([100.0]), offset=np.array([3.0]))
    assert answers(module, [[0, 0.5], [0, -1], [0, 7]]) == [109, 106, 119]


def test_a_short_tree_waits_at_its_leaf_for_the_longer_ones() -> None:
    longer = Trees(
        feature=np.array([0, 0, 1, 0, 0]),
        threshold=np.array([0, 0, 0, 0, 0], np.float32),
        left=np.array([1, 1, 3, 3, 4]),
        right=np.array([2, 1, 4, 3, 4]),
        value=np.array([[0], [1], [0], [2], [4]], np.float32),
        roots=np.zeros(1, np.int64),
        depth=2,
    )
    assert answers(head([longer, stump(0, 10, 20)]), [[1, 1], [1, -1], [-1, 1]]) == [24, 12, 21]


def test_a_forest_of_one_mind_has_finite_log_odds_and_keeps_the_order() -> None:
    trees = [stump(level, 0, 1) for level in (0.0, 1.0, 2.0)]
    found = answers(head(trees, link="probability"), [[0, -1], [0, 0.5], [0, 1.5], [0, 3]])
    shares = [(votes + 0.5) / 4 for votes in range(4)]
    np.testing.assert_allclose(found, [np.log(p / (1 - p)) for p in shares], rtol=1e-5)
    assert found == sorted(found)


def test_the_logits_of_folds_are_averaged() -> None:
    folds = [
        Ensemble(stump(0, *leaves), "logit", np.zeros(1), np.array([offset]))
        for leaves, offset in (((-1, 2), 0.5), ((-3, 4), 1.5))
    ]
    assert answers(TreeHead(folds), [[0, 1], [0, -1]]) == [2, -3]


def test_each_fold_looks_at_its_own_sums_of_features() -> None:
    # The stumps look at the second sum: of the first fold feature 0, of the second feature 1.
    sums = [np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[0.0, 0.0], [0.0, -1.0]])]
    folds = [
        Ensemble(stump(0, -1, 2), "logit", np.zeros(1), np.zeros(1), (matrix, np.zeros(2))) for matrix in sums
    ]
    assert answers(TreeHead(folds), [[1, 1], [1, -1], [-1, 1]]) == [0.5, 2, -1]


@given(st.floats(-(2.0**100), 2.0**100), st.floats(-(2.0**100), 2.0**100, width=32))
def test_a_threshold_in_float32_parts_float32_numbers_as_before(threshold: float, number: float) -> None:
    [rounded] = at_most(np.array([threshold]))
    assert rounded.dtype == np.float32
    for probe in (np.float32(number), rounded, np.nextafter(rounded, np.float32(np.inf))):
        assert (probe <= rounded) == (float(probe) <= threshold)


def test_a_threshold_is_moved_between_the_images_that_it_parts() -> None:
    x = np.array([[0, 1], [0, 2], [0, 4], [0, 4]], np.float32)
    for threshold, expected in ((2.0, 3.0), (3.9, 3.0), (1.5, 1.5), (0.5, 0.5), (4.0, 4.0)):
        moved = between_images(stump(threshold, -1, 1), x)
        assert moved.threshold[0] == np.float32(expected)
        assert answers(head([moved]), x.tolist()) == answers(head([stump(threshold, -1, 1)]), x.tolist())


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("kind", ["random-forest", "gradient-boosting", "xgboost"])
def test_images_on_the_very_thresholds_go_the_librarys_way(kind: Any, classes: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 4, (80, 3)).astype(np.float32) / 3  # few values: many images lie on a threshold
    y = (x.sum(1) * 1.3 + rng.normal(0, 0.4, 80)).round().astype(int) % classes
    if kind == "xgboost":
        settings = {"n_estimators": 6, "base_score": 0.5, "tree_method": "exact"}
        model = pytest.importorskip("xgboost").XGBClassifier(**settings)
    else:
        library = RandomForestClassifier if kind == "random-forest" else GradientBoostingClassifier
        model = library(n_estimators=6, random_state=0)
    model.fit(x, y)
    groups, base = read_trees(kind, model, x[:1], competing=classes > 2)
    link: Any = "probability" if kind == "random-forest" else "logit"
    module = TreeHead([Ensemble(planted(groups), link, base, np.zeros(len(base)))])
    thresholds = np.unique(module.threshold.numpy())
    probes = np.concatenate([x, rng.choice(thresholds, (200, 3)).astype(np.float32)])
    logits = module(torch.from_numpy(probes)).double()
    found = logits.softmax(1).numpy() if classes > 2 else logits.sigmoid().numpy()[:, 0]
    p = np.asarray(model.predict_proba(probes), np.float64)
    if kind == "random-forest":
        p = (6 * p + 1 / classes) / 7
    np.testing.assert_allclose(found, p if classes > 2 else p[:, 1], atol=1e-5)
