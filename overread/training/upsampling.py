"""The images that a reader learns from: a cohort's own, and copies that it has or that are made of train."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from overread.cohort import Cohort
from overread.cohort.upsample import copy_id, plan_upsampling
from overread.cohort.upsample_stage import UpsampleStage
from overread.engine import Engine, list_parts
from overread.errors import TrainingError
from overread.imaging.augment import Augmentation
from overread.progress import Progress
from overread.training.policy import policy_for
from overread.training.reader import LabelledRows
from overread.training.settings import ReaderSettings


@dataclass(frozen=True)
class TrainingImages:
    """Where the images lie, with their copies.

    Attributes:
        parts: Parquet files with the cohort's images and, behind each, its copies.
        content_hash: Stands for what is in them.
        copies: Ids of the copies.
        origin: `[copies]`, the labelled row that each was made of.
        said: What was done, for provenance; "" where nothing was.
    """

    parts: list[Path]
    content_hash: str
    copies: list[str]
    origin: npt.NDArray[np.int64]
    said: str = ""


def own_images(cohort: Cohort) -> TrainingImages:
    """A cohort's images as they are."""
    return TrainingImages(cohort.parts, cohort.card.content_hash, [], np.zeros(0, np.int64))


def training_images(
    cohort: Cohort,
    rows: LabelledRows,
    *,
    settings: ReaderSettings,
    seed: int,
    work: Path,
    engine: Engine,
    progress: Progress,
) -> TrainingImages:
    """The images with all copies to learn from: an augmented cohort's own, or those of "upsample".

    Raises:
        CohortError: See `upsampled_images`.
        TrainingError: "upsample" asks for another share than an augmented cohort has.
    """
    if cohort.card.augmented is not None:
        return _augmented_images(cohort, rows, settings)
    if settings.imbalance == "upsample":
        return upsampled_images(
            cohort, rows, settings=settings, seed=seed, work=work, engine=engine, progress=progress
        )
    return own_images(cohort)


def _augmented_images(cohort: Cohort, rows: LabelledRows, settings: ReaderSettings) -> TrainingImages:
    """An augmented cohort's images and copies."""
    augmented = cohort.card.augmented
    assert augmented is not None
    if settings.imbalance == "upsample" and settings.upsample_share != augmented.share:
        raise TrainingError(
            f"expected copies up to the share {settings.upsample_share}, but the cohort was augmented to"
            f" {augmented.share}",
            where="reader.upsample_share",
            todo="write the cohort's, or train on the cohort that it was made from",
        )
    place = {image_id: row for row, image_id in enumerate(rows.ids)}
    table = cohort.table(["image_id", "origin_id", "copy"], split="train")
    copies = table.filter(pc.greater(table["copy"], 0))
    of = copies["origin_id"].to_pylist()
    return TrainingImages(
        cohort.parts,
        cohort.card.content_hash,
        copies["image_id"].to_pylist(),
        np.array([place[one] for one in of], np.int64),
        _said(cohort, len(of), len(set(of)), augmented.before.values(), augmented.after.values()),
    )


def upsampled_images(
    cohort: Cohort,
    rows: LabelledRows,
    *,
    settings: ReaderSettings,
    seed: int,
    work: Path,
    engine: Engine,
    progress: Progress,
) -> TrainingImages:
    """Make copies of images of rare classes of train, varied by `settings.augmentation`.

    Raises:
        CohortError: Not all classes can have the share that is asked for, or an image cannot be read.
    """
    plan = plan_upsampling(
        rows.ids,
        rows.targets,
        rows.split.tolist(),
        task=cohort.task,
        share=settings.upsample_share,
        seed=seed,
    )
    stage = UpsampleStage(plan, Augmentation(policy_for(cohort, settings)))
    key = hashlib.sha256(f"{stage.key}\0{cohort.card.content_hash}".encode()).hexdigest()
    out = work / "upsampled" / key[:16]
    engine.run(stage, cohort.parts, out, key=key, label="upsampling images", progress=progress)
    ids, origin = [], []
    for row, image_id in enumerate(rows.ids):
        for copy in range(1, plan.copies.get(image_id, 0) + 1):
            ids.append(copy_id(image_id, copy))
            origin.append(row)
    said = _said(cohort, plan.total, len(plan.copies), plan.before, plan.after)
    return TrainingImages(list_parts(out), key, ids, np.array(origin, np.int64), said)


def _said(cohort: Cohort, copies: int, of: int, before: Iterable[float], after: Iterable[float]) -> str:
    names = (cohort.classes[0], f"no {cohort.classes[0]}") if cohort.task == "binary" else cohort.classes
    shares = ", ".join(
        f"{name} {100 * one:.1f} -> {100 * other:.1f} %"
        for name, one, other in zip(names, before, after, strict=True)
    )
    return f"{copies} copies of {of} images of train ({shares})"
