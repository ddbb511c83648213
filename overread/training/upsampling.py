"""The images that a reader learns from: a cohort's own, and the copies that upsampling adds to train."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from overread.cohort import Cohort
from overread.cohort.upsample import copy_id, plan_upsampling
from overread.cohort.upsample_stage import UpsampleStage
from overread.engine import Engine, list_parts
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
    names = (cohort.classes[0], f"no {cohort.classes[0]}") if cohort.task == "binary" else cohort.classes
    shares = ", ".join(
        f"{name} {100 * before:.1f} -> {100 * after:.1f} %"
        for name, before, after in zip(names, plan.before, plan.after, strict=True)
    )
    said = f"{plan.total} copies of {len(plan.copies)} images of train ({shares})"
    return TrainingImages(list_parts(out), key, ids, np.array(origin, np.int64), said)
