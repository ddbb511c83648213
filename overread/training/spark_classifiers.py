"""The classifiers of Spark ML that heads are made of, and what their numbers mean."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from overread.training.grown_trees import BOOSTED_TREES as XGBOOST_TREES
from overread.training.grown_trees import FOREST_TREES, MOST_LEAVES, ROWS_OF_A_TREE, Setting, xgboost_trees
from overread.training.heads import Array
from overread.training.spark_trees import spark_trees
from overread.training.trees import Trees
from overread.training.tuned_heads import GRIDS as LOCAL_GRIDS
from overread.training.tuned_heads import TunedKind

if TYPE_CHECKING:
    from pyspark.ml import Estimator

# A tree of Spark's boosting is several jobs of a cluster: fewer than of ours. The first counts in full, and
# steps are the gradient's, at first twice those of Newton.
BOOSTED_TREES = 100
GRIDS: dict[TunedKind, tuple[Setting, ...]] = LOCAL_GRIDS | {
    "gradient-boosting": tuple({"depth": deep, "rate": rate} for deep in (1.0, 3.0) for rate in (0.05, 0.15)),
}
# Spark bounds depth alone: as many leaves as a local forest may have.
FOREST_DEPTH = int(np.log2(MOST_LEAVES))
# Held-out logits of 150 images on 300 features are then within 2e-6 of scikit-learn's.
TOLERANCE, MOST_STEPS = 1e-7, 1000


def classifier(
    kind: TunedKind,
    setting: Setting,
    *,
    features: str,
    label: str,
    weight: str,
    total: float,
    width: int,
    competing: bool,
    seed: int,
) -> Estimator[Any]:
    """An estimator of Spark ML, or of xgboost.spark.

    Args:
        kind: Which.
        setting: A point of `GRIDS`. "C" is scikit-learn's: Spark makes the mean loss and regParam times half
            the squared length of the weights least, scikit-learn C times the sum of losses and half the
            squared length, so that regParam = 1 / (C · sum of the rows' weights).
        features: Column of the vectors; for "logistic" scaled already.
        label: Column of labels, no null.
        weight: Column of weights.
        total: Sum of the weights.
        width: Length of the vectors.
        competing: Of several classes exactly one is present.
        seed: Of rows and features drawn.
    """
    from pyspark.ml.classification import GBTClassifier, LogisticRegression, RandomForestClassifier

    made: LogisticRegression | RandomForestClassifier | GBTClassifier
    if kind == "logistic":
        made = LogisticRegression(
            family="multinomial" if competing else "binomial",
            regParam=1 / (setting["C"] * total),
            standardization=False,
            tol=TOLERANCE,
            maxIter=MOST_STEPS,
        )
    elif kind == "random-forest":
        made = RandomForestClassifier(
            numTrees=FOREST_TREES,
            maxDepth=FOREST_DEPTH,
            minInstancesPerNode=int(setting["leaf"]),
            featureSubsetStrategy="sqrt",
            seed=seed,
        )
    elif kind == "gradient-boosting":
        made = GBTClassifier(
            maxIter=BOOSTED_TREES,
            maxDepth=int(setting["depth"]),
            stepSize=setting["rate"],
            subsamplingRate=ROWS_OF_A_TREE,
            featureSubsetStrategy="sqrt",
            seed=seed,
        )
    else:
        from xgboost.spark import SparkXGBClassifier

        logging.getLogger("XGBoost-PySpark").setLevel(logging.WARNING)
        boosted: Estimator[Any] = SparkXGBClassifier(
            features_col=features,
            label_col=label,
            weight_col=weight,
            num_workers=1,  # of several, sums come in in no fixed order
            n_estimators=XGBOOST_TREES,
            learning_rate=setting["rate"],
            max_depth=int(setting["depth"]),
            subsample=ROWS_OF_A_TREE,
            colsample_bynode=float(min(1.0, np.ceil(np.sqrt(width)) / width)),
            base_score=0.5,
            tree_method="hist",
            random_state=seed,
            verbose=False,
        )
        return boosted
    return made.setFeaturesCol(features).setLabelCol(label).setWeightCol(weight)


def raw_logits(kind: TunedKind, raw: Array, *, competing: bool) -> Array:
    """Spark's raw predictions `[n, k]` as logits `[n, outputs]`, a forest's as those of `TreeHead`."""
    if kind == "random-forest":
        smoothed = raw + 1 / raw.shape[1]  # votes; as if one more tree knew nothing
        logs = np.log(smoothed / smoothed.sum(1, keepdims=True))
        return np.asarray(logs if competing else logs[:, 1:2] - logs[:, 0:1], np.float64)
    chosen = raw if competing else raw[:, 1:2]
    return 2 * chosen if kind == "gradient-boosting" else chosen


def linear_of(model: Any) -> tuple[Array, Array]:
    """Weight `[outputs, k]` and bias `[outputs]` of a fitted LogisticRegression."""
    return model.coefficientMatrix.toArray(), np.asarray(model.interceptVector.toArray())


def trees_of(kind: TunedKind, model: Any, *, classes: int) -> list[Trees]:
    """The trees of a fitted classifier, group by group; `classes` that compete, or 0."""
    if kind == "random-forest" or kind == "gradient-boosting":
        return spark_trees(model, kind=kind, competing=classes > 0)
    return xgboost_trees(model.get_booster(), groups=max(classes, 1))
