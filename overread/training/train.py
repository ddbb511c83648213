"""Phase one, and the way through all three: a cohort becomes a reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from overread.cohort import Cohort
from overread.engine import LocalEngine
from overread.imaging import Preprocess, preprocess_graph
from overread.progress import SILENT, Progress
from overread.training.backbones import OpenedBackbone, automatic_size, open_backbone
from overread.training.features import FeaturizeStage, compute_features
from overread.training.heads import FittedHead, fit_head, log_loss
from overread.training.loop import mean_auc
from overread.training.network import ReaderNetwork, Task, export_features
from overread.training.novelty import fit_density, novelty_threshold
from overread.training.reader import (
    Floats,
    HeldOut,
    LabelledRows,
    TrainedReader,
    check_learnable,
    labelled_rows,
)
from overread.training.settings import ReaderSettings
from overread.training.weights import find_weights


def train_reader(
    cohort: Cohort,
    work: Path,
    *,
    settings: ReaderSettings,
    engine: LocalEngine,
    seed: int = 0,
    base: Path | None = None,
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
        progress: Who listens.

    Raises:
        BackboneError: The network or its weights are not to be had, or do not fit.
        TrainingError: The cohort does not allow this training.
    """
    rows = labelled_rows(cohort)
    check_learnable(rows, "train", "tune", classes=cohort.classes)
    if "fine-tune" in settings.phases:
        check_learnable(rows, "train", classes=cohort.classes)
    weights = find_weights(settings.backbone, settings.weights, base=base)
    size = settings.image_size
    backbone = open_backbone(
        weights,
        image_size=automatic_size(weights.name, pretrained=weights.file is not None)
        if size == "auto"
        else size,
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
    features = cohort_features(backbone, spec, cohort, rows, work=work, engine=engine, progress=progress)
    reader = _train_head(rows, features, backbone, spec, cohort.task, settings=settings, seed=seed)
    if "fine-tune" not in settings.phases:
        return reader
    # Lightning takes a second to import, which a head alone does not need.
    from overread.training.reconnect import fine_tune_reader

    return fine_tune_reader(
        reader,
        rows,
        features,
        backbone,
        cohort,
        settings=settings,
        seed=seed,
        work=work,
        engine=engine,
        progress=progress,
    )


def _train_head(
    rows: LabelledRows,
    features: Floats,
    backbone: OpenedBackbone,
    spec: Preprocess,
    task: Task,
    *,
    settings: ReaderSettings,
    seed: int,
) -> TrainedReader:
    """Phase one: heads on cached features of train and tune, each image scored by a head that left it out."""
    train, tune, both = rows.of("train"), rows.of("tune"), rows.of("train", "tune")
    fitted = fit_rows(features, rows, both, task=task, settings=settings, seed=seed)
    held_out = HeldOut(
        fitted.held_out_logits,
        rows.targets[both],
        rows.groups[both],
        "train and tune, left out in turn",
        f"train and tune, each image scored by one of {fitted.setting['folds']} heads blind to its patient",
    )
    density = fit_density(features[train])
    on_tune = fitted.held_out_logits[np.isin(both, tune)]
    row = {
        "phase": "head",
        "epoch": 0,
        "train_loss": log_loss(fitted.held_out_logits, rows.targets[both], task=task),
        "tune_loss": log_loss(on_tune, rows.targets[tune], task=task),
        "tune_auc": mean_auc(on_tune, rows.targets[tune], task=task),
        "kept": True,
    }
    return TrainedReader(
        network=ReaderNetwork(backbone.module, fitted.module).eval(),
        preprocess=spec,
        task=task,
        held_out=held_out,
        density=density,
        novelty_threshold=novelty_threshold(density.novelty(features[tune])),
        phases=("head",),
        history=[row],
        notes=[],
        facts={
            "backbone": backbone.name,
            "weights": settings.weights,
            "weights_sha256": backbone.weights_sha256,
            "features": f"{features.shape[1]} ({settings.features})",
            **{f"head.{name}": str(value) for name, value in fitted.setting.items()},
        },
    )


def cohort_features(
    backbone: OpenedBackbone,
    spec: Preprocess,
    cohort: Cohort,
    rows: LabelledRows,
    *,
    work: Path,
    engine: LocalEngine,
    progress: Progress,
) -> Floats:
    """Features `float64 [n, d]` of the labelled rows, through the fast runtime."""
    network = export_features(backbone.module, image_size=spec.size)
    by_id = compute_features(
        FeaturizeStage(preprocess_graph(spec), network),
        cohort.parts,
        work / "features",
        content_hash=cohort.card.content_hash,
        engine=engine,
        progress=progress,
    )
    return np.stack([by_id[image_id] for image_id in rows.ids]).astype(np.float64)


def fit_rows(
    features: Floats,
    rows: LabelledRows,
    chosen: npt.NDArray[np.int64],
    *,
    task: Task,
    settings: ReaderSettings,
    seed: int,
) -> FittedHead:
    """Fit the head that the settings ask for on some of the rows."""
    return fit_head(
        features[chosen],
        rows.targets[chosen],
        kind=settings.head,
        task=task,
        groups=rows.groups[chosen],
        folds=settings.folds,
        balanced=settings.imbalance == "class-weights",
        seed=seed,
    )


def head_logits(network: ReaderNetwork, features: Floats) -> Floats:
    """Logits `float64 [n, outputs]` of cached features `[n, d]`."""
    with torch.no_grad():
        logits = network.head.eval()(torch.from_numpy(features.astype(np.float32)))
    return np.asarray(logits.numpy(), np.float64)
