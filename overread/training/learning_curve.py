"""How much more images would help: the head fitted to some of the patients, and tried on others.

Patients are left out in folds, as in training; of the others a quarter, a half, three quarters and all are
fitted to, each part inside the next. The curve says what has been, not what will be: four points do not carry
an inverse power law (Cortes et al., NIPS 1993; Figueroa et al., BMC Med. Inform. Decis. Mak. 2012;12:8), so
none is drawn beyond the patients that are there.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from overread.cohort.folds import assign_folds
from overread.cohort.labels import stratum_columns
from overread.errors import CohortError, TrainingError
from overread.training.blocks import unit_scales
from overread.training.heads import Array, fit_linear, grouped_folds
from overread.training.loop import mean_auc
from overread.training.network import Task
from overread.training.reader import Floats, LabelledRows, TrainedReader
from overread.training.settings import ReaderSettings

PARTS = 4
MOST_WORK = 2e11
"""Multiplications; some tens of seconds on one core."""
_STEPS = 8  # of Newton's method, about
_PLANS = ((3, 5), (1, 5), (1, 3))  # draws, folds: the dearest that is not too dear is taken
_LINEAR = ("linear", "logistic")


def head_learning_curve(
    features: Array,
    targets: npt.NDArray[np.floating],
    groups: npt.NDArray[np.int64],
    *,
    task: Task,
    head: str,
    penalty: float,
    balanced: bool,
    seed: int,
    beside: int = 0,
    weight: float = 1.0,
) -> tuple[list[dict[str, Any]], str]:
    """The learning curve of a head, or why there is none.

    Args:
        features: `float [n, d]`, of train and tune.
        targets: `float [n, classes]`, 1 present, 0 absent, NaN not stated.
        groups: `int [n]`, images of one patient share a number.
        task: Of the cohort.
        head: Its kind; a linear one is refitted, others are not.
        penalty: Inverse strength of its L2 penalty, as it was chosen on all patients.
        balanced: Whether classes are weighed.
        seed: Of the draws.
        beside: How many of the last features are metadata.
        weight: Theirs, as it was chosen on all patients.

    Returns:
        One row a share of the patients: share, patients, images, auc (mean over draws of the mean AUC over
        classes on the patients left out), low and high (least and greatest draw). And a sentence where there
        are no rows, else "".
    """
    if head not in _LINEAR:
        return [], f"There is no learning curve: a {head} head is not refitted for one."
    plan = _plan(len(features), features.shape[1], classes=targets.shape[1])
    if plan is None:
        return [], "There is no learning curve: on so many images it would take too long."
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    found = []
    try:
        # Threads cost these many small fits more than they save, on a busy machine twenty times as much.
        with threadpool_limits(limits=1):
            for draw in range(plan[0]):
                found.append(
                    _one_draw(
                        features,
                        targets,
                        groups,
                        task=task,
                        penalty=penalty,
                        balanced=balanced,
                        folds=plan[1],
                        seed=seed + draw,
                        beside=beside,
                        weight=weight,
                    )
                )
    except (TrainingError, CohortError):
        return [], "There is no learning curve: there are too few patients to leave some out."
    aucs, patients, images = (np.array([one[part] for one in found], np.float64) for part in range(3))
    people = len(np.unique(groups))
    rows = []
    for part in range(PARTS):
        known = aucs[:, part][~np.isnan(aucs[:, part])]
        rows.append(
            {
                "share": round(float(patients[:, part].mean()) / people, 4),
                "patients": round(float(patients[:, part].mean())),
                "images": round(float(images[:, part].mean())),
                "auc": float(known.mean()) if known.size else math.nan,
                "low": float(known.min()) if known.size else math.nan,
                "high": float(known.max()) if known.size else math.nan,
            }
        )
    return rows, ""


def with_learning_curve(
    reader: TrainedReader,
    rows: LabelledRows,
    features: Floats,
    *,
    settings: ReaderSettings,
    seed: int,
    beside: int = 0,
) -> TrainedReader:
    """The reader of a head, with its learning curve on train and tune, or with why there is none.

    Args:
        reader: After its head was trained.
        rows: The labelled images.
        features: `[rows, d]`, as the head is given them.
        settings: The head's.
        seed: Of the draws.
        beside: How many of the last features are metadata.
    """
    both = rows.of("train", "tune")
    found, why_not = head_learning_curve(
        features[both],
        rows.targets[both],
        rows.groups[both],
        task=reader.task,
        head=settings.head,
        penalty=float(reader.facts.get("head.C", 1.0)),
        balanced=settings.imbalance == "class-weights",
        seed=seed,
        beside=beside,
        weight=float(reader.facts.get("head.metadata", 1.0)),
    )
    facts = {**reader.facts, "learning curve": why_not} if why_not else reader.facts
    return replace(reader, learning=tuple(found), facts=facts)


def _one_draw(
    features: Array,
    targets: npt.NDArray[np.floating],
    groups: npt.NDArray[np.int64],
    *,
    task: Task,
    penalty: float,
    balanced: bool,
    folds: int,
    seed: int,
    beside: int,
    weight: float,
) -> tuple[list[float], list[float], list[float]]:
    """AUC, and mean patients and images fitted to, of each part."""
    fold_of = grouped_folds(targets, groups, task=task, folds=folds, seed=seed)
    count = int(fold_of.max()) + 1
    logits = np.full((PARTS, *targets.shape), np.nan)
    patients, images = np.zeros(PARTS), np.zeros(PARTS)
    for fold in range(count):
        outside, inside = fold_of == fold, np.flatnonzero(fold_of != fold)
        quarter = _quarters(targets[inside], groups[inside], seed=seed)
        for part in range(PARTS):
            chosen = inside[quarter <= part]
            patients[part] += len(np.unique(groups[chosen])) / count
            images[part] += len(chosen) / count
            if not _learnable(targets[chosen], task):
                continue
            weights, bias = fit_linear(
                features[chosen],
                targets[chosen],
                task=task,
                penalty=penalty,
                balanced=balanced,
                scales=unit_scales(features[chosen], beside=beside, weight=weight),
            )
            logits[part, outside] = features[outside] @ weights.T + bias
    aucs = [
        mean_auc(of_part, targets, task=task) if not np.isnan(of_part).any() else math.nan
        for of_part in logits
    ]
    return aucs, patients.tolist(), images.tolist()


def _quarters(
    targets: npt.NDArray[np.floating], groups: npt.NDArray[np.int64], *, seed: int
) -> npt.NDArray[np.int64]:
    """A quarter for each image, patients whole and classes shared out: the first ones together are a part."""
    drawn = assign_folds(
        [f"{row:09d}" for row in range(len(targets))],
        groups.tolist(),
        strata=stratum_columns(np.asarray(targets, np.float32)),
        folds=PARTS,
        seed=seed + 1,
    )
    return np.array(drawn, np.int64)


def _learnable(targets: npt.NDArray[np.floating], task: Task) -> bool:
    values = (1.0,) if task == "multiclass" else (1.0, 0.0)
    return all(bool((column == value).any()) for column in targets.T for value in values)


def _plan(images: int, width: int, *, classes: int) -> tuple[int, int] | None:
    for draws, folds in _PLANS:
        work = 0.0
        for part in range(1, PARTS + 1):
            fitted = images * (folds - 1) / folds * part / PARTS
            work += fitted * min(fitted, width) ** 2 * _STEPS
        if work * classes * draws * folds <= MOST_WORK:
            return draws, folds
    return None
