"""Fewer features by Spark ML: principal components, or those by which a forest parts the classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from overread.training.reduction import Reduction, largest_components
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
        kind: "pca": components of standardised features, from the correlations that Spark adds up: what its
            own PCA finds in a singular matrix was wrong in 1 of 5 folds of 160 photographs; "select": those
            features of greatest importance in a forest (its mean decrease of impurity, Breiman 2001); of
            several findings the one counts in which a feature stands best.
        size: How many.
        fold: That is not looked at.
        seed: Of the forest.
        column: Where Spark puts the fewer features.
    """
    from pyspark.ml import PipelineModel
    from pyspark.ml.classification import RandomForestClassifier
    from pyspark.ml.feature import StandardScaler, VectorSlicer
    from pyspark.ml.stat import Correlation
    from pyspark.sql import functions as F

    inside = frame.where(F.col(FOLD) != fold)
    if kind == "pca":
        scaled = f"scaled_{fold}"
        scaler = StandardScaler(inputCol="image", outputCol=scaled, withMean=True, withStd=True)
        standard = scaler.fit(inside)
        shared = Correlation.corr(standard.transform(inside), scaled).head()
        assert shared is not None
        basis = largest_components(np.nan_to_num(shared[0].toArray()), size)
        mean, std = standard.mean.toArray(), standard.std.toArray()
        matrix = basis / np.where(std > 0, std, np.inf)
        way = PipelineModel([standard, _pca_model(basis).setInputCol(scaled).setOutputCol(column)])
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


def _pca_model(basis: npt.NDArray[np.float64]) -> Any:
    """A PCAModel of Spark with these components `[k, d]`."""
    from pyspark import SparkContext
    from pyspark.ml.common import _py2java
    from pyspark.ml.feature import PCAModel
    from pyspark.ml.linalg import DenseMatrix, Vectors

    context: Any = SparkContext.getOrCreate()
    columns = DenseMatrix(basis.shape[1], len(basis), basis.ravel().tolist())  # column by column
    variance = Vectors.dense(np.zeros(len(basis)))
    java = context._jvm.org.apache.spark.ml.feature.PCAModel(
        "pca", _py2java(context, columns), _py2java(context, variance)
    )
    return PCAModel(java)._set(k=len(basis))
