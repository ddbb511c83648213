"""Spark's CrossValidator on folds of patients, whose models of each fold are kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from overread.training.heads import Array, log_loss
from overread.training.spark_rows import COUNTED, FOLD

if TYPE_CHECKING:
    from pyspark.ml import Estimator
    from pyspark.ml.evaluation import Evaluator
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Question:
    """What one classifier is asked: whether a finding is present, or which of several classes is.

    Attributes:
        number: Of the column of its labels.
        classes: That compete; 0: present or absent.
        offsets: `[folds, outputs]`, how much higher than right the logits of each fold's classifier are.
        logits: Spark's raw predictions `[n, k]` to logits `[n, outputs]`.
    """

    number: int
    classes: int
    offsets: Array
    logits: Callable[[Array], Array]

    @property
    def label(self) -> str:
        """The column of its labels."""
        return f"label_{self.number}"

    def weight(self, fold: int) -> str:
        """The column of the weights for the classifier that does not see a fold."""
        return f"weight_{self.number}_{fold}"


@dataclass(frozen=True)
class Validated:
    """What a cross-validation gives.

    Attributes:
        losses: `[candidates]`, log losses of all images left out, added up.
        models: Fold by fold, candidate by candidate.
    """

    losses: Array
    models: Sequence[Sequence[Any]]


def cross_validate(
    frame: DataFrame,
    question: Question,
    candidates: Sequence[Any],
    make: Callable[[Any, int], Estimator[Any]],
    *,
    folds: int,
    parallelism: int,
) -> Validated:
    """Fit each candidate once a fold of patients and judge it on the patients left out.

    Spark would fit the best candidate once more to all rows in the end. No reader is made of that: it is left
    out, as the fitted heads of the folds are the reader.

    Args:
        frame: Rows with `fold`, `counted` (0 for copies, which are learned from and never judged), and the
            question's labels and weights.
        question: What is asked.
        candidates: Settings.
        make: A candidate and the fold that it will not see, to an estimator.
        folds: How many.
        parallelism: Candidates that are fitted at once.
    """
    from pyspark.ml.tuning import CrossValidator

    classifier = _classifier(make, question, folds)
    found = CrossValidator(
        estimator=classifier,
        estimatorParamMaps=[{classifier.getParam("candidate"): one} for one in candidates],
        evaluator=_evaluator(question),
        numFolds=folds,
        foldCol=FOLD,
        collectSubModels=True,
        parallelism=parallelism,
    ).fit(frame)
    return Validated(np.array(found.avgMetrics) * folds, found.subModels or [])


def raw_predictions(transformed: DataFrame, label: str) -> tuple[npt.NDArray[np.int64], Array, Array]:
    """Folds, labels (NaN not stated) and raw predictions, in the order of the rows."""
    from pyspark.ml.functions import vector_to_array
    from pyspark.sql import functions as F

    table = transformed.select(
        F.col(FOLD), F.col(label), vector_to_array(F.col("rawPrediction")).alias("raw"), F.col("row")
    ).toArrow()
    table = table.sort_by("row")
    raw = table["raw"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    labels = table[label].to_numpy(zero_copy_only=False).astype(np.float64)
    return table[FOLD].to_numpy(), labels, raw.reshape(len(table), -1).astype(np.float64)


def _classifier(make: Callable[[Any, int], Estimator[Any]], question: Question, folds: int) -> Any:
    """An estimator that finds out which fold it is not shown: weights and reductions belong to a fold."""
    from pyspark.ml import Estimator, PipelineModel
    from pyspark.ml.param import Param, Params
    from pyspark.sql import functions as F

    lock = threading.Lock()
    seen: list[tuple[Any, int | None]] = []

    def left_out(dataset: DataFrame) -> int | None:
        with lock:  # of one fold all candidates are fitted at once, to one and the same object
            if not seen or seen[-1][0] is not dataset:
                row = dataset.agg(F.collect_set(FOLD)).first()
                absent = set(range(folds)) - set(row[0] if row is not None else ())
                seen[:] = [(dataset, min(absent) if absent else None)]
            return seen[-1][1]

    class FoldClassifier(Estimator[Any]):
        candidate: Param[Any] = Param(Params._dummy(), "candidate", "what is tried")

        def _fit(self, dataset: DataFrame) -> Any:
            fold = left_out(dataset)
            if fold is None:
                return PipelineModel([])
            known = dataset.where(F.col(question.label).isNotNull())
            return make(self.getOrDefault("candidate"), fold).fit(known)

    return FoldClassifier()


def _evaluator(question: Question) -> Evaluator:
    from pyspark.ml.evaluation import Evaluator
    from pyspark.sql import functions as F

    class LossOnThoseLeftOut(Evaluator):
        def _evaluate(self, dataset: DataFrame) -> float:
            judged = dataset.where((F.col(COUNTED) == 1) & F.col(question.label).isNotNull())
            folds, labels, raw = raw_predictions(judged, question.label)
            if not len(labels):
                return 0.0
            logits = question.logits(raw) - question.offsets[folds]
            if question.classes:
                targets = np.eye(question.classes)[labels.astype(np.int64)]
                return log_loss(logits, targets, task="multiclass") * len(labels)
            return log_loss(logits, labels[:, None], task="binary") * len(labels)

        def isLargerBetter(self) -> bool:  # noqa: N802 - Spark's name
            return False

    return LossOnThoseLeftOut()
