"""Fewer features by Spark ML: principal components, or those by which a forest parts the classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from overread.training.reduction import Reduction
from overread.training.spark_folds import Question
from overread.training.spark_rows import FOLD

if TYPE_CHECKING:
    from pyspark.ml import PipelineModel
    from pyspark.sql import DataFrame

IMPORTANCE_TREES, IMPORTANCE_DEPTH = 100, 5


def spark_reduction(
    frame: DataFrame,
    questions: Sequence[Question],
    *,
    kind: Literal["pca", "select"],
    size: int,
    fold: int,
    seed: int,
    column: str,
) -> tuple[Reduction, PipelineModel]:
    """Learn from all rows outside a fold which features to keep, or which sums of them, the best first.

    Args:
        frame: Rows with `image`, the features, and labels and weights of the questions.
        questions: What the features shall tell.
        kind: "pca": components of standardised features, by StandardScaler and PCA; "select": the features
            of greatest importance in a forest (its mean decrease of impurity, Breiman 2001); of several
            findings the one counts in which a feature stands best.
        size: How many.
        fold: That is not looked at.
        seed: Of the forest.
        column: Where Spark puts the fewer features.
    """
    from pyspark.ml import PipelineModel
    from pyspark.ml.classification import RandomForestClassifier
    from pyspark.ml.feature import PCA, StandardScaler, VectorSlicer
    from pyspark.sql import functions as F

    inside = frame.where(F.col(FOLD) != fold)
    if kind == "pca":
        scaled = f"scaled_{fold}"
        scaler = StandardScaler(inputCol="image", outputCol=scaled, withMean=True, withStd=True)
        standard = scaler.fit(inside)
        components = PCA(k=size, inputCol=scaled, outputCol=column).fit(standard.transform(inside))
        mean, std = standard.mean.toArray(), standard.std.toArray()
        matrix = components.pc.toArray().T / np.where(std > 0, std, np.inf)
        way = PipelineModel([standard, components])
        return Reduction(np.arange(len(mean)), matrix, -matrix @ mean), way
    ranks = []
    for question in questions:
        forest = RandomForestClassifier(
            featuresCol="image",
            labelCol=question.label,
            weightCol=question.weight(fold),
            numTrees=IMPORTANCE_TREES,
            maxDepth=IMPORTANCE_DEPTH,
            seed=seed + fold,
        )
        known = inside.where(F.col(question.label).isNotNull())
        told = forest.fit(known).featureImportances.toArray()
        ranks.append(np.empty(len(told), np.int64))
        ranks[-1][np.argsort(-told, kind="stable")] = np.arange(len(told))
    # The mean rank breaks ties, so that the first finding has no advantage.
    order = np.lexsort((np.mean(ranks, 0), np.min(ranks, 0)))[:size].astype(np.int64)
    slicer = VectorSlicer(inputCol="image", outputCol=column, indices=order.tolist())
    return Reduction(order), PipelineModel([slicer])
