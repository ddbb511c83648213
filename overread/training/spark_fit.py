"""One head on its way through Spark ML: its rows there, its estimators, and what is read of their models."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from overread.training.blocks import WEIGHTS, shown_to_trees, unit_scales
from overread.training.grown_trees import Setting, between_images
from overread.training.heads import FeatureCopies
from overread.training.imbalance import Imbalance, Remedy, remedy_for
from overread.training.network import LinearHead, Task
from overread.training.reduction import Kind as Reduce
from overread.training.reduction import Reduction, keeping
from overread.training.spark_classifiers import classifier, linear_of, raw_logits, trees_of
from overread.training.spark_folds import Question, cross_validate
from overread.training.spark_reduction import spark_reduction
from overread.training.spark_rows import COUNTED, FOLD, spark_rows
from overread.training.trees import Ensemble, Link, TreeHead, planted
from overread.training.tuned_heads import TunedKind

if TYPE_CHECKING:
    from pyspark.ml import Estimator
    from pyspark.sql import DataFrame, SparkSession

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Candidate:
    """What is tried: a point of the grid, and how many features (0: all)."""

    setting: Setting
    size: int


class SparkFit:
    """One head on its way: rows and copies of them, what each fold weighs, and what becomes of features."""

    def __init__(
        self,
        features: npt.NDArray[np.floating],
        targets: npt.NDArray[np.floating],
        *,
        kind: TunedKind,
        reduce: Reduce,
        task: Task,
        fold_of: npt.NDArray[np.int64],
        imbalance: Imbalance,
        seed: int,
        copies: FeatureCopies | None,
        beside: int,
        sizes: Sequence[int],
    ) -> None:
        self.kind, self.reduce, self.task, self.seed = kind, reduce, task, seed
        self.fold_of, self.beside = fold_of, beside
        self.folds = int(fold_of.max()) + 1
        self.images, self.classes = targets.shape
        origin = np.zeros(0, np.int64) if copies is None else copies.origin
        more = np.zeros((0, features.shape[1])) if copies is None else copies.features
        self.x = np.concatenate([features, more]).astype(np.float32)
        self.targets = np.concatenate([targets, targets[origin]]).astype(np.float64)
        self.fold = np.concatenate([fold_of, fold_of[origin]])
        self.image_width = self.x.shape[1] - beside
        inside = [self.fold != fold for fold in range(self.folds)]
        self.remedies = [
            remedy_for(imbalance, self.targets[part], task=task, copies=int(part[self.images :].sum()))
            for part in inside
        ]
        most = min(self.image_width, min(int(part.sum()) for part in inside) - 1)
        limit = most if reduce == "pca" else self.image_width
        wanted = dict.fromkeys(min(size, limit) for size in sizes)
        self.sizes = (0,) if reduce == "none" else tuple(sorted(wanted))
        self.competing = task == "multiclass" and kind != "gradient-boosting"
        if kind == "xgboost" and self.classes == 2:  # two classes are one question to it
            self.competing = False
        self.questions = [
            Question(
                at,
                self.classes if self.competing else 0,
                self._offsets(at),
                partial(raw_logits, kind, competing=self.competing),
            )
            for at in range(1 if self.competing else self.classes)
        ]
        self.reductions: list[Reduction] = []

    def _offsets(self, at: int) -> Array:
        """`[folds, outputs]` of a question."""
        if self.competing:
            return np.stack([one.offset for one in self.remedies])
        if self.task != "multiclass":
            return np.stack([one.offset[[at]] for one in self.remedies])
        # A class against the others: what is left of the weights when the classes are put together again.
        return np.zeros((self.folds, 1))

    def labels(self, at: int) -> Array:
        """Labels `[rows]` of a question, NaN not stated."""
        return np.argmax(self.targets, 1).astype(np.float64) if self.competing else self.targets[:, at]

    def weights(self, at: int, fold: int) -> Array:
        """What each row counts `[rows]` for the classifier that does not see a fold."""
        remedy: Remedy = self.remedies[fold]
        if self.task == "multiclass":
            weights = remedy.class_weights[np.argmax(self.targets, 1)]
        else:
            weights = remedy.class_weights[at][np.nan_to_num(self.targets[:, at]).astype(np.int64)]
        if remedy.chances is not None:
            weights = weights.copy()
            weights[self.fold != fold] *= remedy.chances
        return np.asarray(weights, np.float64)

    def to_spark(self, session: SparkSession, stack: ExitStack) -> DataFrame:
        """The rows in Spark, with the fewer features of each fold."""
        columns: dict[str, npt.NDArray[Any]] = {
            FOLD: self.fold.astype(np.int32),
            COUNTED: (np.arange(len(self.x)) < self.images).astype(np.int32),
        }
        for question in self.questions:
            columns[question.label] = self.labels(question.number)
            columns |= {
                question.weight(fold): self.weights(question.number, fold) for fold in range(self.folds)
            }
        vectors = {"image": self.x[:, : self.image_width]}
        if self.beside:
            vectors |= {f"beside_{size}": self.x[:, self._beside(size)] for size in self.sizes}
        frame = stack.enter_context(spark_rows(session, columns, vectors))
        if self.reduce == "none":
            self.reductions = [Reduction(np.arange(self.image_width))] * self.folds
            return frame
        fewer = frame
        for fold in range(self.folds):
            reduction, way = spark_reduction(
                frame, self.questions, kind=self.reduce, size=max(self.sizes), fold=fold, seed=self.seed,
                column=f"reduced_{fold}",
            )  # fmt: skip
            self.reductions.append(reduction)
            fewer = way.transform(fewer)
        kept = [name for name in fewer.columns if name != "image" and not name.startswith("scaled_")]
        fewer = fewer.select(*kept).cache()
        fewer.count()
        stack.callback(fewer.unpersist)
        frame.unpersist()
        return fewer

    def _shown(self, size: int) -> npt.NDArray[np.int64]:
        """Places among the fewer features and metadata of what a classifier is shown."""
        width = (size or self.image_width) + self.beside
        if self.kind == "logistic":
            return np.arange(width)
        return shown_to_trees(np.empty((0, width), np.float32), self.beside)

    def _beside(self, size: int) -> npt.NDArray[np.int64]:
        """Columns of `x` that are shown behind the image's."""
        image = size or self.image_width
        return np.asarray(self._shown(size)[image:] - image + self.image_width)

    def reduction(self, fold: int, size: int) -> Reduction:
        """All features to the fewer ones, with metadata behind them."""
        found = self.reductions[fold].first(size) if size else self.reductions[fold]
        return keeping(found, self.image_width, self.beside) if self.beside else found

    def factors(self, fold: int, candidate: Candidate) -> Array:
        """What a logistic regression's features are multiplied by, `[k]`; 0 for what does not vary.

        Spark divides by deviations inside: one of 1e-16, left by rounding, and its first step goes astray.
        """
        inside = self.x[self.fold != fold].astype(np.float64)
        fewer = self.reduction(fold, candidate.size).apply(inside)
        weight = candidate.setting.get("metadata", WEIGHTS[0])
        scales = unit_scales(fewer, beside=self.beside, weight=weight)
        return np.asarray((fewer.std(0) > 1e-9) / scales, np.float64)

    def tuned(
        self, frame: DataFrame, candidates: list[Candidate], session: SparkSession
    ) -> tuple[Candidate, float, list[list[Any]]]:
        """The candidate of lowest log loss on patients left out, that loss, its models [question][fold]."""
        found = [
            cross_validate(
                frame,
                question,
                candidates,
                partial(self._estimator, question),
                folds=self.folds,
                parallelism=min(session.sparkContext.defaultParallelism, len(candidates)),
            )
            for question in self.questions
        ]
        stated = sum(int((~np.isnan(self.labels(one.number)[: self.images])).sum()) for one in self.questions)
        losses = np.sum([one.losses for one in found], 0) / stated
        best = 0
        for at, loss in enumerate(losses):  # the rounding of sums is no reason
            best = at if loss < losses[best] - 1e-9 else best
        models = [[of_fold[best] for of_fold in one.models] for one in found]
        return candidates[best], float(losses[best]), models

    def _estimator(self, question: Question, candidate: Candidate, fold: int) -> Estimator[Any]:
        """From the columns of the rows to a classifier."""
        from pyspark.ml import Pipeline
        from pyspark.ml.feature import ElementwiseProduct, VectorAssembler, VectorSlicer
        from pyspark.ml.linalg import Vectors

        stages: list[Any] = []
        column = "image" if self.reduce == "none" else f"reduced_{fold}"
        if candidate.size and candidate.size < max(self.sizes):
            first = list(range(candidate.size))
            stages.append(VectorSlicer(inputCol=column, outputCol="fewer", indices=first))
            column = "fewer"
        if self.beside:
            stages.append(VectorAssembler(inputCols=[column, f"beside_{candidate.size}"], outputCol="seen"))
            column = "seen"
        if self.kind == "logistic":
            by = Vectors.dense(self.factors(fold, candidate))
            stages.append(ElementwiseProduct(scalingVec=by, inputCol=column, outputCol="scaled"))
            column = "scaled"
        known = ~np.isnan(self.labels(question.number)) & (self.fold != fold)
        stages.append(
            classifier(
                self.kind,
                candidate.setting,
                features=column,
                label=question.label,
                weight=question.weight(fold),
                total=float(self.weights(question.number, fold)[known].sum()),
                width=len(self._shown(candidate.size)),
                competing=self.competing,
                seed=self.seed + fold,
            )
        )
        return Pipeline(stages=stages)

    def head(
        self, fold: int, candidate: Candidate, models: list[Any], *, as_read: bool = False
    ) -> LinearHead | Ensemble:
        """The classifiers of one fold, one a question, as a head of ours.

        Args:
            fold: That they have not seen.
            candidate: What they were fitted by.
            models: As Spark has them.
            as_read: With the thresholds that XGBoost has set, else between images (`between_images`).
        """
        reduction = self.reduction(fold, candidate.size)
        fitted = [model.stages[-1] for model in models]
        if self.kind == "logistic":
            parts = [linear_of(one) for one in fitted]
            weight = np.concatenate([part[0] for part in parts]) * self.factors(fold, candidate)
            bias = np.concatenate([part[1] for part in parts])
            whole, at = reduction.unfold(weight, bias, width=self.x.shape[1])
            return LinearHead(whole, at - self.remedies[fold].offset)
        competing = self.classes if self.competing else 0
        trees = planted([tree for one in fitted for tree in trees_of(self.kind, one, classes=competing)])
        shown = self._shown(candidate.size)
        projection = None
        if reduction.matrix is not None and reduction.offset is not None:
            projection = (reduction.matrix, reduction.offset)
        if self.kind == "xgboost" and not as_read:
            inside = self.x[self.fold != fold]
            fewer = inside[:, reduction.columns]
            if projection is not None:
                with torch.no_grad():
                    fewer = LinearHead(*projection)(torch.from_numpy(inside)).numpy()
            trees = between_images(trees, np.ascontiguousarray(fewer[:, shown]))
        trees = replace(trees, feature=shown[trees.feature])
        if projection is None:
            trees = replace(trees, feature=reduction.columns[trees.feature])
        link: Link = "probability" if self.kind == "random-forest" else "logit"
        if self.task == "multiclass" and not self.competing:
            link = "one-vs-rest"
        return Ensemble(trees, link, np.zeros(self.classes), self.remedies[fold].offset, projection)

    def held_out(self, heads: list[LinearHead | Ensemble]) -> Array:
        """What each fold's head says of the images left out, `[images, outputs]`."""
        said = np.full((self.images, self.classes), np.nan)
        for fold, head in enumerate(heads):
            module: nn.Module = TreeHead([head]) if isinstance(head, Ensemble) else head
            outside = np.flatnonzero(self.fold_of == fold)
            with torch.no_grad():
                said[outside] = module(torch.from_numpy(self.x[outside])).numpy()
        return said
