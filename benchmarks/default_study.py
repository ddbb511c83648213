"""Our default study on images in one `.npz`: what `overread run` does with nothing but a source.

Nothing is tuned by hand. Images of train that stand pixel for pixel in val or test are left out of train;
what else looks alike across the split is accepted, and said.
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from overread.bundle import Bundle
from overread.cohort import Cohort, ingest
from overread.cohort.layouts.medmnist_classes import data_set
from overread.engine import LocalEngine
from overread.evaluation import apply_calibration
from overread.evaluation.intervals import clustered_bootstrap
from overread.evaluation.statistics import mean_of, roc_auc_of, share_of
from overread.evaluation.weighted import Statistic
from overread.progress import SILENT, Progress
from overread.study.run import run_study
from overread.study.settings import Study, check_study

Arrays = dict[str, npt.NDArray[Any]]
Floats = npt.NDArray[np.float64]
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Scored:
    """Calibrated scores of images with what is true of them.

    Attributes:
        scores: `float64 [n, classes]`; of a binary task `[n, 1]`.
        targets: `float64 [n, classes]`, 1, 0 or NaN.
        groups: `[n]`, images of one patient share a number.
        task: "binary", "multiclass" or "multilabel".
    """

    scores: Floats
    targets: Floats
    groups: npt.NDArray[np.int64]
    task: str


def without_copies(arrays: Arrays) -> tuple[Arrays, int]:
    """Leave out images of train that stand pixel for pixel in val or test; also how many."""
    others = {
        image.tobytes()
        for split in SPLITS[1:]
        if f"{split}_images" in arrays
        for image in arrays[f"{split}_images"]
    }
    kept = np.array([image.tobytes() not in others for image in arrays["train_images"]], bool)
    clean = {
        **arrays,
        "train_images": arrays["train_images"][kept],
        "train_labels": arrays["train_labels"][kept],
    }
    return clean, int((~kept).sum())


def run_default(arrays: Arrays, folder: Path, *, name: str, progress: Progress = SILENT) -> dict[str, Any]:
    """Train the default study on train and val; read test where there is one.

    Args:
        arrays: `train_images` uint8 `[n, h, w]` or `[n, h, w, 3]`, `train_labels`, the same of val, and
            of test where there is one.
        folder: For everything that is made.
        name: Of the file, which tells the layout the names of the classes.
        progress: Who listens.

    Returns:
        `tune` and `test` (None without such images) with `auc`, `accuracy`, `balanced_accuracy` and `images`;
        seconds, wall and CPU; what the record says of the training; how many copies were left out.
    """
    started, cpu = time.perf_counter(), _cpu_seconds()
    folder.mkdir(parents=True, exist_ok=True)
    clean, copies = without_copies(arrays)
    source = folder / f"{name}.npz"
    if not source.is_file():
        np.savez(source, **clean)  # type: ignore[arg-type]
    cohort_said: dict[str, Any] = {
        "source": str(source),
        "accept_leakage": ["pixels", "near-duplicate"],
    }
    if "test_images" not in arrays:  # or a fifth of train would be kept for testing
        cohort_said["split"] = {"train": 0.8, "tune": 0.2, "test": 0.0}
    if data_set(name) is None and _is_binary(arrays["train_labels"]):
        cohort_said["positive"] = "class 1"  # the labels have no names that would tell
    said = {"study": {"name": name}, "cohort": cohort_said}
    study = Study(check_study(said, where="the default study"), folder)
    kept: list[Any] = []
    _listen(kept)
    if "test_images" in arrays:
        done = run_study(study, folder / "out", progress=progress)
        cohort, bundle = Cohort.load(done.cohort), Bundle.load(done.bundle)
    else:
        cohort, bundle = _without_test(study, folder / "out", progress)
    trained = kept[-1] if kept else None
    found: dict[str, Any] = {"name": name, "copies_left_out": copies, "tune": None, "test": None}
    if trained is not None:
        found["tune"] = figures(_tune(trained, cohort, bundle))
    if "test_images" in arrays:
        found["test"] = figures(_test(folder / "out" / "readings.parquet", cohort))
    found |= {
        "task": cohort.task,
        "classes": list(cohort.classes),
        "leakage": [leak.sentence for leak in cohort.card.leakage],
        "facts": trained.facts if trained is not None else {},
        "notes": trained.notes if trained is not None else [],
        "wall_seconds": time.perf_counter() - started,
        "cpu_seconds": _cpu_seconds() - cpu,
        "folder": str(folder),
    }
    return found


def figures(scored: Scored) -> dict[str, Any]:
    """AUC and accuracy as MedMNIST v2's evaluator defines them, with 95 % intervals.

    AUC is the mean over classes of one against the rest; accuracy is that of the class with the highest
    score, of findings the mean over them of score > 0.5 (Yang et al., Scientific Data 10, 41, 2023). Patients
    are resampled; where none are known, each image is its own.
    """
    truth, scores = scored.targets, scored.scores
    columns = range(truth.shape[1])
    auc: Statistic = mean_of([roc_auc_of(truth[:, k], scores[:, k]) for k in columns])
    if scored.task == "multiclass":
        right = (truth.argmax(1) == scores.argmax(1)).astype(float)
        accuracy: Statistic = share_of(right, np.ones(len(right)))
        recalls = [share_of(right * truth[:, k], truth[:, k]) for k in columns]
    else:
        stated = ~np.isnan(truth)
        right = (stated & ((scores > 0.5) == (truth == 1))).astype(float)
        accuracy = mean_of([share_of(right[:, k], stated[:, k].astype(float)) for k in columns])
        recalls = [
            share_of(right[:, k] * (truth[:, k] == value), (truth[:, k] == value).astype(float))
            for k in columns
            for value in (1, 0)
        ]
    named = {"auc": auc, "accuracy": accuracy, "balanced_accuracy": mean_of(recalls)}
    found: dict[str, Any] = {"images": len(truth)}
    for title, statistic in named.items():
        interval = asdict(clustered_bootstrap(statistic, scored.groups, resamples=2000))
        found[title] = {key: interval[key] for key in ("value", "low", "high")}
    return found


def _without_test(study: Study, out: Path, progress: Progress) -> tuple[Cohort, Bundle]:
    """The part of a run that needs no test split."""
    from overread.study.build import train

    engine = LocalEngine(study.settings.engine.workers)
    settings = study.settings
    cohort = ingest(
        study.path(settings.cohort.source), out / "cohort", settings=study.ingest_settings(),
        engine=engine, progress=progress,
    )  # fmt: skip
    bundle = train(
        cohort, out / "bundle", reader=settings.reader, evaluation=settings.evaluation,
        bundle=settings.bundle, name=settings.study.name, seed=settings.study.seed, engine=engine,
        work=out / "work", progress=progress,
    )  # fmt: skip
    return cohort, bundle


def _is_binary(labels: npt.NDArray[Any]) -> bool:
    """Whether labels are one column of 0 and 1."""
    return labels.size == len(labels) and set(np.unique(labels).tolist()) <= {0, 1}


def _listen(kept: list[Any]) -> None:
    """Keep what `train_reader` gives: only it knows the scores of networks that left an image out."""
    import overread.training
    from overread.training.train import train_reader

    def listening(*arguments: Any, **named: Any) -> Any:
        kept.append(train_reader(*arguments, **named))
        return kept[-1]

    overread.training.train_reader = listening


def _tune(trained: Any, cohort: Cohort, bundle: Bundle) -> Scored:
    """The scores of val by networks that were not trained on it, or did no more than stop by it."""
    from overread.training.reader import labelled_rows

    held, rows = trained.held_out, labelled_rows(cohort)
    scores = apply_calibration(held.logits, bundle.manifest.calibration, task=cohort.task)
    judged = rows.of("tune") if len(held.logits) == len(rows.of("tune")) else rows.of("train", "tune")
    chosen = np.isin(judged, rows.of("tune"))
    return Scored(np.asarray(scores)[chosen], held.targets[chosen], held.groups[chosen], cohort.task)


def _test(readings: Path, cohort: Cohort) -> Scored:
    import pyarrow.parquet as pq

    table = pq.read_table(readings, columns=["image_id", "score"])
    by_id = dict(zip(table["image_id"].to_pylist(), table["score"].to_pylist(), strict=True))
    reference = cohort.table(["image_id", "patient_id", "target"], split="test")
    ids = reference["image_id"].to_pylist()
    _, groups = np.unique(reference["patient_id"].to_pylist(), return_inverse=True)
    return Scored(
        np.array([by_id[image_id] for image_id in ids], np.float64),
        np.array(reference["target"].to_pylist(), np.float64),
        groups.astype(np.int64),
        cohort.task,
    )


def _cpu_seconds() -> float:
    """Of this process and all that it started and waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system
