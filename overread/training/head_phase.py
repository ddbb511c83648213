"""Phase one: heads on features that are computed once through the fast runtime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from overread.engine import Engine
from overread.imaging import Preprocess, preprocess_graph
from overread.progress import Progress
from overread.training.backbones import OpenedBackbone
from overread.training.features import FeaturizeStage, compute_features
from overread.training.heads import FeatureCopies, FittedHead, fit_head, log_loss
from overread.training.imbalance import Imbalance
from overread.training.loop import mean_auc
from overread.training.metadata import Metadata
from overread.training.network import ReaderNetwork, Task, export_features
from overread.training.novelty import fit_density, novelty_threshold
from overread.training.reader import Floats, HeldOut, LabelledRows, TrainedReader
from overread.training.settings import ReaderSettings
from overread.training.tuned_heads import fit_tuned_head
from overread.training.upsampling import TrainingImages
from overread.training.weights import name_of_weights


def train_head(
    rows: LabelledRows,
    features: Floats,
    backbone: OpenedBackbone,
    spec: Preprocess,
    task: Task,
    *,
    settings: ReaderSettings,
    seed: int,
    copies: FeatureCopies | None = None,
    said: str = "",
    metadata: Metadata | None = None,
    engine: Engine | None = None,
) -> TrainedReader:
    """Phase one: heads on cached features of train and tune, each image scored by a head that left it out.

    Copies of images of train, and what is said of them, come from upsampling; they are fitted to and nothing
    else: no score, no calibration and no novelty is theirs. Metadata stand behind the features, a copy's
    are those of its origin; how novel an image is, is a matter of the image alone. The engine is
    where Spark ML fits, see `fit_rows`.
    """
    train, tune, both = rows.of("train"), rows.of("tune"), rows.of("train", "tune")
    seen, copies, width = joined_features(features, copies, metadata)
    fitted = fit_rows(
        seen,
        rows,
        both,
        task=task,
        settings=settings,
        seed=seed,
        copies=copies,
        beside=width,
        engine=engine,
    )
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
        network=ReaderNetwork(
            backbone.module, fitted.module, metadata.encoder if metadata is not None else None
        ).eval(),
        preprocess=spec,
        task=task,
        held_out=held_out,
        density=density,
        novelty_threshold=novelty_threshold(density.novelty(features[tune])),
        phases=("head",),
        history=[row],
        notes=[*fitted.notes, *(metadata.notes() if metadata is not None else ())],
        metadata=metadata.fields if metadata is not None else (),
        facts={
            "backbone": backbone.name,
            "weights": name_of_weights(settings.weights) if backbone.pretrained else "none",
            "weights_sha256": backbone.weights_sha256,
            "features": f"{features.shape[1]} ({settings.features})",
            "sizes": ", ".join(str(size) for size in backbone.module.sizes) + " pixels",
            **({"views": str(settings.views)} if settings.views > 1 else {}),
            "imbalance": settings.imbalance + (f": {said}" if said else ""),
            **({"metadata": ", ".join(settings.metadata)} if metadata is not None else {}),
            **{f"head.{name}": str(value) for name, value in fitted.setting.items()},
        },
    )


def joined_features(
    features: Floats, copies: FeatureCopies | None, metadata: Metadata | None
) -> tuple[Floats, FeatureCopies | None, int]:
    """What heads are given: features and, behind them, metadata of some width; copies alike."""
    if metadata is None:
        return features, copies, 0
    encoded = metadata.encoded
    if copies is not None:
        joined = np.concatenate([copies.features, encoded[copies.origin]], 1)
        copies = FeatureCopies(joined, copies.origin)
    return np.concatenate([features, encoded], 1), copies, metadata.encoder.width


def cohort_features(
    backbone: OpenedBackbone,
    spec: Preprocess,
    images: TrainingImages,
    ids: Sequence[str],
    *,
    work: Path,
    engine: Engine,
    progress: Progress,
) -> Floats:
    """Features `float64 [n, d]` of some of the images, through the fast runtime."""
    network = export_features(backbone.module, image_size=spec.size)
    by_id = compute_features(
        FeaturizeStage(preprocess_graph(spec), network),
        images.parts,
        work / "features",
        content_hash=images.content_hash,
        engine=engine,
        progress=progress,
    )
    return np.stack([by_id[image_id] for image_id in ids]).astype(np.float64)


def fit_rows(
    features: Floats,
    rows: LabelledRows,
    chosen: npt.NDArray[np.int64],
    *,
    task: Task,
    settings: ReaderSettings,
    seed: int,
    copies: FeatureCopies | None = None,
    beside: int = 0,
    engine: Engine | None = None,
) -> FittedHead:
    """Fit the head that the settings ask for on some of the rows, sorted, and the copies made of them.

    Args:
        features: `[rows, d]`.
        rows: All labelled images.
        chosen: Places of those that are fitted to.
        task: Of the cohort.
        settings: With `fit_on = "spark"` Spark ML fits, where there is an engine.
        seed: Of folds and whatever is drawn.
        copies: Made of images by upsampling.
        beside: How many of the last features are metadata.
        engine: A Spark engine lends its session; for another one a session on all cores of this machine is
            opened and stopped again. None: whatever the settings say, the head is fitted in this process.
    """
    if copies is not None:
        among = np.isin(copies.origin, chosen)
        copies = FeatureCopies(
            copies.features[among], np.searchsorted(chosen, copies.origin[among]).astype(np.int64)
        )
    given: dict[str, Any] = {
        "task": task,
        "groups": rows.groups[chosen],
        "folds": settings.folds,
        "imbalance": imbalance_of(settings),
        "seed": seed,
        "copies": copies,
        "beside": beside,
    }
    if settings.head == "linear" or settings.head == "mlp":
        return fit_head(features[chosen], rows.targets[chosen], kind=settings.head, **given)
    given |= {"kind": settings.head, "reduce": settings.reduce}
    if settings.fit_on == "spark" and engine is not None:
        from overread.training.spark_heads import fit_spark_head
        from overread.training.spark_rows import session_of

        with session_of(engine) as session:
            return fit_spark_head(features[chosen], rows.targets[chosen], session=session, **given)
    return fit_tuned_head(features[chosen], rows.targets[chosen], **given)


def imbalance_of(settings: ReaderSettings) -> Imbalance:
    """What the settings ask for against imbalance."""
    return Imbalance(settings.imbalance, settings.focal_gamma)


def head_logits(network: ReaderNetwork, features: Floats) -> Floats:
    """Logits `float64 [n, outputs]` of cached features `[n, d]`."""
    with torch.no_grad():
        logits = network.head.eval()(torch.from_numpy(features.astype(np.float32)))
    return np.asarray(logits.numpy(), np.float64)
