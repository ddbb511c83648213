"""Heads fitted by Spark ML: tuned by its CrossValidator on folds of patients, read into our own network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from overread.errors import TrainingError
from overread.training.blocks import WEIGHTS
from overread.training.grown_trees import Setting, xgboost_library
from overread.training.heads import FeatureCopies, FittedHead, grouped_folds
from overread.training.imbalance import Imbalance
from overread.training.network import Task
from overread.training.reduction import Kind as Reduce
from overread.training.spark_classifiers import GRIDS
from overread.training.spark_fit import Candidate, SparkFit
from overread.training.spark_folds import raw_predictions
from overread.training.spark_rows import COUNTED, FOLD
from overread.training.tuned_heads import SIZES, TunedKind, finished_head

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Array = npt.NDArray[np.float64]
PARITY = 1e-5
"""How far a probability of the converted head may be from Spark's own."""
MOST_JUMPS = 0.01
"""Share of images of which it may be more where trees look at sums: a tree that parts numbers at the seventh
digit goes one way in Spark's float64 and the other in the network's float32."""


def fit_spark_head(
    features: npt.NDArray[np.floating],
    targets: npt.NDArray[np.floating],
    *,
    kind: TunedKind,
    reduce: Reduce,
    task: Task,
    groups: npt.NDArray[np.int64],
    folds: int,
    imbalance: Imbalance,
    seed: int,
    session: SparkSession,
    copies: FeatureCopies | None = None,
    beside: int = 0,
    grid: Sequence[Setting] | None = None,
    sizes: Sequence[int] = SIZES,
) -> FittedHead:
    """What `tuned_heads.fit_tuned_head` does, done by Spark ML; the arguments are the same, but for:

    The rows go to Spark once. Of several classes of which one is present, boosting fits each against the
    others; the other classifiers let them compete.

    Args:
        features: As there.
        targets: As there.
        kind: As there.
        reduce: "select" takes the features of greatest importance in a forest.
        task: As there.
        groups: As there.
        folds: As there.
        imbalance: Class weights and balanced sampling become weights of rows.
        seed: As there.
        session: Of Spark.
        copies: As there.
        beside: As there.
        grid: Settings to try; None: those of `spark_classifiers.GRIDS`.
        sizes: As there.

    Raises:
        TrainingError: A class has too few patients for two folds, or what was read of Spark's models does not
            say what they say.
    """
    if imbalance.gamma:
        raise ValueError("expected a loss that Spark ML knows, got the focal loss")
    fold_of = grouped_folds(targets, groups, task=task, folds=folds, seed=seed)
    fit = SparkFit(
        features, targets, kind=kind, reduce=reduce, task=task, fold_of=fold_of, imbalance=imbalance,
        seed=seed, copies=copies, beside=beside, sizes=sizes,
    )  # fmt: skip
    with ExitStack() as stack:
        frame = fit.to_spark(session, stack)
        best, loss, models = fit.tuned(
            frame, [Candidate(one, size) for size in fit.sizes for one in grid or GRIDS[kind]], session
        )
        if beside and kind == "logistic":
            first, *others = (Candidate(best.setting | {"metadata": one}, best.size) for one in WEIGHTS)
            again, lower, other_models = fit.tuned(frame, others, session)
            best, models = (again, other_models) if lower < loss - 1e-9 else (first, models)
        heads = [fit.head(fold, best, [of[fold] for of in models]) for fold in range(fit.folds)]
        held_out = read = fit.held_out(heads)
        if kind == "xgboost":  # its thresholds were moved: what was read is checked before
            read = fit.held_out(
                [fit.head(fold, best, [of[fold] for of in models], as_read=True) for fold in range(fit.folds)]
            )
        parity, jumps = _check(fit, frame, models, read)
    facts: dict[str, float | str] = {
        "head": kind,
        "fit_on": f"Spark ML {version('pyspark')}",
        "folds": fit.folds,
        "reduce": reduce,
        **best.setting,
        **({"features": float(best.size)} if best.size else {}),
        "parity": float(f"{parity:.1e}"),
        **({"jumps": float(jumps)} if jumps else {}),
    }
    if kind == "xgboost":
        facts["library"] = xgboost_library()
    x = np.asarray(features, np.float64)
    return finished_head(kind, heads, x, held_out, fold_of, facts, beside=beside)


def _check(fit: SparkFit, frame: DataFrame, models: list[list[Any]], held_out: Array) -> tuple[float, int]:
    """How far probabilities of the images left out are from Spark's, at most, and of how many too far.

    Raises:
        TrainingError: Of more than rounding explains.
    """
    from pyspark.sql import functions as F

    theirs = np.full_like(held_out, np.nan)
    for question, of_folds in zip(fit.questions, models, strict=True):
        outputs = slice(None) if fit.competing else slice(question.number, question.number + 1)
        for fold, model in enumerate(of_folds):
            outside = frame.where((F.col(FOLD) == fold) & (F.col(COUNTED) == 1))
            _, _, raw = raw_predictions(model.transform(outside), question.label)
            logits = question.logits(raw) - question.offsets[fold]
            theirs[fit.fold_of == fold, outputs] = logits
    if fit.task == "multiclass" and not fit.competing:
        theirs = -np.logaddexp(0, -theirs) - np.stack([one.offset for one in fit.remedies])[fit.fold_of]
    apart = np.abs(_chances(held_out, fit.task) - _chances(theirs, fit.task)).max(1)
    jumps = int((apart > PARITY).sum())
    sums = fit.kind != "logistic" and fit.reduce == "pca"
    if not np.isfinite(apart).all() or jumps > (math.ceil(MOST_JUMPS * len(apart)) if sums else 0):
        raise TrainingError(
            f"the head that was read from Spark's models says of {jumps} of {len(apart)} images another "
            f"probability, by up to {np.nanmax(apart):.1e}, expected at most {PARITY:.0e}",
            where=f"head '{fit.kind}'",
            todo='take fit_on = "local", and report this with the versions of Spark and Overread',
        )
    return float(apart.max()), jumps


def _chances(logits: Array, task: Task) -> Array:
    if task == "multiclass":
        shares = np.exp(logits - logits.max(1, keepdims=True))
        return np.asarray(shares / shares.sum(1, keepdims=True), np.float64)
    return np.asarray(1 / (1 + np.exp(-logits)), np.float64)
