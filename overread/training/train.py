"""The way through the three phases: a cohort becomes a reader."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from overread.cohort import Cohort
from overread.engine import Engine
from overread.imaging import Preprocess
from overread.progress import SILENT, Progress
from overread.training.backbones import OpenedBackbone, automatic_size, open_backbone
from overread.training.grown_trees import check_installed
from overread.training.head_phase import cohort_features, joined_features, train_head
from overread.training.heads import FeatureCopies
from overread.training.late_join import join_late
from overread.training.learning_curve import with_learning_curve
from overread.training.metadata import Metadata, read_metadata
from overread.training.reader import Floats, LabelledRows, TrainedReader, check_learnable, labelled_rows
from overread.training.settings import ReaderSettings
from overread.training.upsampling import TrainingImages, training_images
from overread.training.weights import find_weights


@dataclass(frozen=True)
class Prepared:
    """What stands before a head is fitted.

    Attributes:
        rows: The labelled images.
        backbone: Truncated, with its weights.
        spec: What brings an image to it.
        images: Where the images and their copies lie.
        features: `[rows, d]`, of the image alone.
        copies: Features of the copies that upsampling made or the cohort has; None: there are none.
        metadata: What joins the features; None: nothing.
    """

    rows: LabelledRows
    backbone: OpenedBackbone
    spec: Preprocess
    images: TrainingImages
    features: Floats
    copies: FeatureCopies | None
    metadata: Metadata | None


def train_reader(
    cohort: Cohort,
    work: Path,
    *,
    settings: ReaderSettings,
    engine: Engine,
    seed: int = 0,
    base: Path | None = None,
    learning_curve: bool = False,
    progress: Progress = SILENT,
) -> TrainedReader:
    """Train a reader on a cohort's `train` and `tune`; `test` is never looked at.

    Args:
        cohort: What to learn from.
        work: Folder for features, checkpoints and TensorBoard; an interrupted training goes on from it.
        settings: The `[reader]` table of a study.
        engine: Where features are computed.
        seed: Of folds, dropout, order and augmentation.
        base: Folder to which a relative path in `settings.weights` refers.
        learning_curve: Whether the head is also fitted to parts of the patients.
        progress: Who listens.

    Raises:
        BackboneError: The network or its weights are not to be had, or do not fit.
        TrainingError: The cohort does not allow this training, or the head's library is missing.
    """
    check_installed(settings.head, fit_on=settings.fit_on)
    made = prepare(cohort, work, settings=settings, engine=engine, seed=seed, base=base, progress=progress)
    first = partial(
        train_head,
        made.rows,
        made.features,
        made.backbone,
        made.spec,
        cohort.task,
        settings=settings,
        seed=seed,
        copies=made.copies,
        said=made.images.said,
        engine=engine,
    )
    reader = first(metadata=made.metadata)
    if learning_curve:
        seen, _, width = joined_features(made.features, None, made.metadata)
        reader = with_learning_curve(reader, made.rows, seen, settings=settings, seed=seed, beside=width)
    cost = made.backbone.module.cost
    if "fine-tune" not in settings.phases:
        return replace(reader, notes=[*reader.notes, *cost])
    # Lightning takes a second to import, which a head alone does not need.
    from overread.training.reconnect import fine_tune_reader

    tuned = fine_tune_reader(
        reader if made.metadata is None else first(),
        made.rows,
        made.features,
        made.backbone,
        cohort,
        images=made.images,
        copies=made.copies,
        settings=settings,
        seed=seed,
        work=work,
        engine=engine,
        progress=progress,
    )
    if made.metadata is not None:
        tuned = join_late(tuned, reader, made.rows, made.metadata, folds=settings.folds, seed=seed)
    return replace(tuned, notes=[*tuned.notes, *cost])


def prepare(
    cohort: Cohort,
    work: Path,
    *,
    settings: ReaderSettings,
    engine: Engine,
    seed: int,
    base: Path | None,
    progress: Progress,
) -> Prepared:
    """Open the backbone and compute features; the arguments and errors are those of `train_reader`."""
    rows = labelled_rows(cohort)
    check_learnable(rows, "train", "tune", classes=cohort.classes)
    metadata = read_metadata(cohort, rows, settings.metadata) if settings.metadata else None
    if "fine-tune" in settings.phases:
        check_learnable(rows, "train", classes=cohort.classes)
    side = usual_side(cohort)
    weights = find_weights(settings.backbone, settings.weights, base=base, image_side=side)
    size = settings.image_size
    backbone = open_backbone(
        weights,
        image_size=automatic_size(weights.name, pretrained=weights.file is not None, image_side=side)
        if size == "auto"
        else size,
        more_sizes=settings.more_sizes,
        views=settings.views,
        taps=settings.features,
        seed=seed,
    )
    spec = Preprocess(
        size=backbone.image_size,
        resize=settings.resize,
        interpolation=settings.interpolation,
        mean=backbone.mean,
        std=backbone.std,
    )
    images = training_images(
        cohort, rows, settings=settings, seed=seed, work=work, engine=engine, progress=progress
    )
    ids = [*rows.ids, *images.copies]
    features = cohort_features(backbone, spec, images, ids, work=work, engine=engine, progress=progress)
    copies = FeatureCopies(features[len(rows.ids) :], images.origin) if images.copies else None
    features = features[: len(rows.ids)]
    return Prepared(rows, backbone, spec, images, features, copies, metadata)


def usual_side(cohort: Cohort) -> int | None:
    """The median longer side of the images of train, pixels; None where the cohort does not know it."""
    sizes = cohort.table(["width", "height"], split="train", copies=False)
    known = [
        max(width, height)
        for width, height in zip(sizes["width"].to_pylist(), sizes["height"].to_pylist(), strict=True)
        if width and height
    ]
    return round(statistics.median(known)) if known else None
