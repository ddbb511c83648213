"""Phases two and three: the head is reconnected to its backbone, and the whole is fine-tuned."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from overread.cohort import Cohort
from overread.engine import LocalEngine
from overread.errors import TrainingError
from overread.imaging import Preprocess, resize_graph
from overread.imaging.augment import Augmentation
from overread.progress import Progress
from overread.training.backbones import OpenedBackbone
from overread.training.choice import choose_reader
from overread.training.features import ResizeStage, compute_pixels
from overread.training.fine_tune import AugmentedImages, Pixels, fine_tune
from overread.training.head_phase import cohort_features, fit_rows, head_logits, imbalance_of
from overread.training.heads import FeatureCopies
from overread.training.network import ReaderNetwork
from overread.training.novelty import fit_density, novelty_threshold
from overread.training.reader import Floats, HeldOut, LabelledRows, TrainedReader
from overread.training.recipe import augmentation_of, recipe_for
from overread.training.settings import TREE_HEADS, ReaderSettings
from overread.training.upsampling import TrainingImages, own_images

RECONNECT_TOLERANCE = 1e-2
CHECKED_IMAGES = 4


def fine_tune_reader(
    reader: TrainedReader,
    rows: LabelledRows,
    features: Floats,
    backbone: OpenedBackbone,
    cohort: Cohort,
    *,
    images: TrainingImages,
    copies: FeatureCopies | None,
    settings: ReaderSettings,
    seed: int,
    work: Path,
    engine: LocalEngine,
    progress: Progress,
) -> TrainedReader:
    """Reconnect a head that saw `train` only, train the whole on, and keep the better reader by `tune`.

    The reader given stays the answer unless the fine-tuned one is clearly better (`choose_reader`).
    """
    task = reader.task
    train, tune, both = rows.of("train"), rows.of("tune"), rows.of("train", "tune")
    of_head = settings
    if settings.head in TREE_HEADS:  # no gradient passes through trees
        of_head = settings.model_copy(update={"head": "linear", "reduce": "none"})
    start = fit_rows(features, rows, train, task=task, settings=of_head, seed=seed, copies=copies)
    frozen_state = {name: value.clone() for name, value in backbone.module.state_dict().items()}
    network = ReaderNetwork(backbone.module, start.module)
    stage = ResizeStage(resize_graph(reader.preprocess))
    ids, pixels = compute_pixels(
        stage,
        images.parts,
        work / "pixels",
        size=reader.preprocess.size,
        content_hash=images.content_hash,
        engine=engine,
        progress=progress,
    )
    place = {image_id: index for index, image_id in enumerate(ids)}
    targets = np.full((len(ids), rows.targets.shape[1]), np.nan, np.float32)
    where = np.array([place[image_id] for image_id in rows.ids])
    targets[where] = rows.targets
    of_copies = np.array([place[image_id] for image_id in images.copies], np.int64)
    targets[of_copies] = rows.targets[images.origin]
    parts = [
        Pixels(pixels, targets, np.concatenate([where[train], of_copies])),
        Pixels(pixels, targets, where[tune]),
    ]
    _check_reconnection(network, parts[1], features[tune], reader.preprocess)
    tuned = fine_tune(
        network,
        *parts,
        task=task,
        mean=reader.preprocess.mean,
        std=reader.preprocess.std,
        imbalance=imbalance_of(settings),
        copies=len(of_copies),
        augmentation=None if settings.augmentation == "none" else Augmentation(augmentation_of(settings)),
        settings=recipe_for(settings.fine_tune, pretrained=backbone.pretrained),
        seed=seed,
        key=_key(cohort, settings, reader, seed=seed),
        out=work / "fine-tune",
        progress=progress,
    )
    choice = choose_reader(
        reader.held_out.logits[np.isin(both, tune)],
        _whole_logits(network, parts[1], reader.preprocess, count=len(tune)),
        rows.targets[tune],
        groups=rows.groups[tune],
        task=task,
        seed=seed,
    )
    history = [{**row, "kept": not choice.keep_complex} for row in reader.history] + [
        {"phase": "fine-tune", **row, "kept": choice.keep_complex and row["epoch"] == tuned.best_epoch}
        for row in tuned.history
    ]
    notes = [*reader.notes, choice.sentence]
    if settings.head in TREE_HEADS:
        notes.append(
            f"Fine-tuning starts from a linear head: no gradient passes through a {settings.head} head."
        )
    backbone.module.eval()
    if not choice.keep_complex:
        backbone.module.load_state_dict(frozen_state)
        return replace(reader, history=history, notes=notes)
    tuned_features = cohort_features(
        backbone,
        reader.preprocess,
        own_images(cohort),
        rows.ids,
        work=work,
        engine=engine,
        progress=progress,
    )
    tuned_logits = head_logits(network, tuned_features[tune])
    density = fit_density(tuned_features[train])
    of_others = {name: said for name, said in reader.facts.items() if not name.startswith("head.")}
    return replace(
        reader,
        network=network.eval(),
        held_out=HeldOut(tuned_logits, rows.targets[tune], rows.groups[tune], "tune", "tune"),
        density=density,
        novelty_threshold=novelty_threshold(density.novelty(tuned_features[tune])),
        phases=("head", "fine-tune"),
        history=history,
        # What was said of the other head does not hold for this one.
        notes=[note for note in notes if note not in reader.notes],
        facts={**of_others, **{f"head.{name}": str(value) for name, value in start.setting.items()}},
    )


def _check_reconnection(network: ReaderNetwork, tune: Pixels, features: Floats, spec: Preprocess) -> None:
    """The reconnected network must say of an image what the head says of its cached features.

    Raises:
        TrainingError: It does not: torch and the fast runtime read the pixels differently.
    """
    count = min(CHECKED_IMAGES, len(tune.rows))
    whole = _whole_logits(network, tune, spec, count=count)
    apart = float(np.abs(whole - head_logits(network, features[:count])).max())
    if not apart <= RECONNECT_TOLERANCE * max(1.0, float(np.abs(whole).max())):
        raise TrainingError(
            f"the reconnected network's logits differ by {apart:.3g} from those of the cached features",
            todo="remove the work folder and run again; if it stays, report this as a bug",
        )


def _whole_logits(network: ReaderNetwork, pixels: Pixels, spec: Preprocess, *, count: int) -> Floats:
    """Logits `[count, outputs]` of the first images, by torch from pixels to head."""
    images = AugmentedImages(pixels, mean=spec.mean, std=spec.std, augmentation=None, seed=0)
    with torch.no_grad():
        logits = [network.eval()(images[0, index][0][None]).numpy()[0] for index in range(count)]
    return np.asarray(logits, np.float64)


def _key(cohort: Cohort, settings: ReaderSettings, reader: TrainedReader, *, seed: int) -> str:
    """All that the fine-tuned weights depend on."""
    said = {
        "cohort": cohort.card.content_hash,
        "settings": settings.model_dump(mode="json"),
        "weights": reader.facts["weights_sha256"],
        "preprocess": reader.preprocess.model_dump(mode="json"),
        "seed": seed,
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
