"""Growing trees with scikit-learn or XGBoost, and reading off what has grown."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from overread.errors import TrainingError
from overread.training.trees import Ensemble, Link, Trees, planted

Array = npt.NDArray[np.float64]
Kind = Literal["random-forest", "gradient-boosting", "xgboost"]
Setting = dict[str, float]

FOREST_TREES, BOOSTED_TREES = 200, 150
# Bound what thousands of images make of a forest in network.onnx; 200 images do not come near.
MOST_LEAVES, MOST_DEPTH = 128, 12
ROWS_OF_A_TREE = 0.7


def check_installed(head: str, *, fit_on: str = "local") -> None:
    """Refuse a head whose library is missing, before hours of training.

    Raises:
        TrainingError: XGBoost or Spark is asked for and not installed.
    """
    if fit_on == "spark" and find_spec("pyspark") is None:
        raise TrainingError(
            'fit_on = "spark" needs the package pyspark, which is not installed',
            where="reader.fit_on",
            todo="pip install 'overread[spark]', or take fit_on = \"local\"",
        )
    if head == "xgboost" and find_spec("xgboost") is None:
        raise TrainingError(
            "head 'xgboost' needs the package xgboost, which is not installed",
            where="reader.head",
            todo="pip install 'overread[xgboost]', or take head = \"gradient-boosting\"",
        )


def xgboost_library() -> str:
    """What trees of XGBoost are grown by; its package may be called xgboost or xgboost-cpu."""
    import xgboost

    return f"xgboost {xgboost.__version__}"


def grow(
    kind: Kind,
    x: npt.NDArray[np.float32],
    problems: list[tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64], Array]],
    *,
    classes: int,
    competing: bool,
    setting: Setting,
    seed: int,
) -> Ensemble:
    """One ensemble for all outputs.

    Args:
        kind: Which trees.
        x: `float32 [n, k]`.
        problems: Of competing classes one, else one a class: which rows are known, their labels and weights.
        classes: Outputs.
        competing: Of several classes exactly one is present.
        setting: "leaf" of a forest: images that a leaf holds at least; "depth" and "rate" of boosting.
        seed: Of rows and features drawn.
    """
    grown: list[tuple[list[Trees], Array]] = []
    for known, labels, weights in problems:
        model = _model(kind, x.shape[1], setting=setting, seed=seed, competing=competing)
        model.fit(x[known], labels, sample_weight=weights)
        grown.append(read_trees(kind, model, x[known][:1], competing=competing))
    trees = planted([tree for groups, _ in grown for tree in groups])
    if kind == "xgboost":
        trees = between_images(trees, x)
    link: Link = "probability" if kind == "random-forest" else "logit"
    return Ensemble(trees, link, np.concatenate([base for _, base in grown]), np.zeros(classes))


def read_trees(
    kind: Kind, model: Any, probe: npt.NDArray[np.float32], *, competing: bool
) -> tuple[list[Trees], Array]:
    """The trees of a fitted classifier, group by group, and what is added to their sums.

    Args:
        kind: Of the classifier.
        model: RandomForestClassifier, GradientBoostingClassifier or XGBClassifier.
        probe: `float32 [1, k]`, any image: what boosting starts from is what its trees leave to explain.
        competing: Several classes of which one is present; else the labels are 0 and 1.
    """
    if kind == "random-forest":
        wanted = slice(None) if competing else slice(1, 2)
        trees = [
            _from_sklearn(
                one.tree_,
                one.tree_.value[:, 0, :][:, wanted] / one.tree_.value[:, 0, :].sum(1, keepdims=True),
            )
            for one in model.estimators_
        ]
        return trees, np.zeros(len(model.classes_) if competing else 1)
    if kind == "gradient-boosting":
        columns = [
            [_from_sklearn(one.tree_, one.tree_.value[:, 0, :] * model.learning_rate) for one in column]
            for column in model.estimators_.T
        ]
        told = [
            sum(one.tree_.value[one.apply(probe)[0], 0, 0] for one in column)
            for column in model.estimators_.T
        ]
        start = np.atleast_1d(np.squeeze(model.decision_function(probe), 0)) - model.learning_rate * np.array(
            told
        )
        return [tree for column in columns for tree in column], np.asarray(start, np.float64)
    groups = len(model.classes_) if competing else 1
    # base_score is 0.5: a logit of 0, and for competing classes the same for all.
    return xgboost_trees(model.get_booster(), groups=groups), np.zeros(groups)


def _model(kind: Kind, width: int, *, setting: Setting, seed: int, competing: bool) -> Any:
    if kind == "random-forest":
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(
            FOREST_TREES,
            min_samples_leaf=int(setting["leaf"]),
            max_leaf_nodes=MOST_LEAVES,
            max_depth=MOST_DEPTH,
            random_state=seed,
        )
    if kind == "gradient-boosting":
        from sklearn.ensemble import GradientBoostingClassifier

        return GradientBoostingClassifier(
            n_estimators=BOOSTED_TREES,
            learning_rate=setting["rate"],
            max_depth=int(setting["depth"]),
            subsample=ROWS_OF_A_TREE,
            max_features="sqrt",
            random_state=seed,
        )
    from xgboost import XGBClassifier

    return XGBClassifier(
        n_estimators=BOOSTED_TREES,
        learning_rate=setting["rate"],
        max_depth=int(setting["depth"]),
        subsample=ROWS_OF_A_TREE,
        colsample_bynode=min(1.0, np.ceil(np.sqrt(width)) / width),
        objective="multi:softprob" if competing else "binary:logistic",
        base_score=0.5,
        tree_method="hist",
        n_jobs=1,  # the order of sums, and with it the bytes, does not hang on the machine's cores
        random_state=seed,
    )


def _from_sklearn(tree: Any, value: Array) -> Trees:
    """A tree of scikit-learn, which compares float32 features with float64 thresholds."""
    nodes = np.arange(tree.node_count)
    leaf = tree.children_left < 0
    return Trees(
        feature=np.where(leaf, 0, tree.feature).astype(np.int64),
        threshold=at_most(tree.threshold),
        left=np.where(leaf, nodes, tree.children_left).astype(np.int64),
        right=np.where(leaf, nodes, tree.children_right).astype(np.int64),
        value=value.astype(np.float32),
        roots=np.zeros(1, np.int64),
        depth=int(tree.max_depth),
    )


def at_most(threshold: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """The largest float32 not above each threshold: for float32 numbers the comparison is the same."""
    near = threshold.astype(np.float32)
    return np.where(near.astype(np.float64) > threshold, np.nextafter(near, np.float32(-np.inf)), near)


def xgboost_trees(booster: Any, *, groups: int) -> list[Trees]:
    """The trees of XGBoost from its JSON, group by group; it goes left below a threshold, not at it."""
    learner = json.loads(booster.save_raw(raw_format="json"))["learner"]
    forest = learner["gradient_booster"]["model"]
    by_group: list[list[Trees]] = [[] for _ in range(groups)]
    for tree, group in zip(forest["trees"], forest["tree_info"], strict=True):
        left, right = np.array(tree["left_children"], np.int64), np.array(tree["right_children"], np.int64)
        nodes, leaf = np.arange(len(left)), left < 0
        said = np.array(tree["split_conditions"], np.float32)
        by_group[group].append(
            Trees(
                feature=np.where(leaf, 0, np.array(tree["split_indices"], np.int64)),
                threshold=_below(said),
                left=np.where(leaf, nodes, left),
                right=np.where(leaf, nodes, right),
                value=np.where(leaf, said, np.float32(0))[:, None],
                roots=np.zeros(1, np.int64),
                depth=_depth(left, right),
            )
        )
    return [tree for group in by_group for tree in group]


def between_images(trees: Trees, x: npt.NDArray[np.float32]) -> Trees:
    """The same trees with each threshold half way between the images that it parts, as scikit-learn sets it.

    XGBoost puts a threshold at an image's own value, whose last digit then decides: nearly all of 160
    photographs got another score, by up to 0.05, when their features were changed by 1e-6.

    Args:
        trees: Grown on `x`; every image of it goes the same way as before.
        x: `float32 [n, k]`.
    """
    threshold = trees.threshold.copy()
    inner = np.flatnonzero(trees.left != np.arange(len(trees.left)))
    for feature in np.unique(trees.feature[inner]):
        values = np.unique(x[:, feature]).astype(np.float64)
        nodes = inner[trees.feature[inner] == feature]
        above = np.searchsorted(values, trees.threshold[nodes].astype(np.float64), side="right")
        parting = (above > 0) & (above < len(values))
        nodes, above = nodes[parting], above[parting]
        threshold[nodes] = at_most((values[above - 1] + values[above]) / 2)
    return replace(trees, threshold=threshold)


def _below(threshold: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The float32 before each; below 0 the first that no processor takes for 0."""
    before = np.nextafter(threshold, np.float32(-np.inf))
    return np.where(threshold == 0, -np.finfo(np.float32).tiny, before).astype(np.float32)


def _depth(left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]) -> int:
    level, depth = [0], 0
    while level := [int(child) for node in level if left[node] >= 0 for child in (left[node], right[node])]:
        depth += 1
    return depth
