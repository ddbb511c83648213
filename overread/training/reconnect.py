"""Phases two and three: the head is reconnected to its backbone, and the whole is fine-tuned."""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from overread.cohort import Cohort
from overread.engine import Engine
from overread.errors import TrainingError
from overread.imaging import Preprocess, resize_graph
from overread.imaging.augment import Augmentation
from overread.progress import Progress
from overread.training.backbones import OpenedBackbone
from overread.training.batches import Pixels
from overread.training.choice import choose_reader
from overread.training.ensemble import Member, join_members, plan_members
from overread.training.features import ResizeStage, compute_pixels
from overread.training.fine_tune import FineTuned, fine_tune, logits_of
from overread.training.head_phase import cohort_features, fit_rows, head_logits, imbalance_of
from overread.training.heads import FeatureCopies
from overread.training.network import FocalHead, LinearHead, ReaderNetwork, Task
from overread.training.novelty import fit_density, novelty_threshold
from overread.training.policy import policy_for
from overread.training.reader import Floats, HeldOut, LabelledRows, TrainedReader
from overread.training.recipe import Recipe, recipe_for
from overread.training.settings import TREE_HEADS, ReaderSettings
from overread.training.upsampling import TrainingImages, own_images

RECONNECT_TOLERANCE = 1e-2
CHECKED_IMAGES = 4


@dataclass(frozen=True)
class Material:
    """Pixels of all images in the resized form, with what is known of them.

    Attributes:
        images: `uint8 [m, S, S, 3]`.
        targets: `float32 [m, classes]`.
        of_rows: `[n]`, where each labelled row lies among them.
        of_copies: `[c]`, where each copy lies.
        origin: `[c]`, the labelled row that each copy was made of.
    """

    images: npt.NDArray[np.uint8]
    targets: npt.NDArray[np.float32]
    of_rows: npt.NDArray[np.int64]
    of_copies: npt.NDArray[np.int64]
    origin: npt.NDArray[np.int64]

    def part(self, rows: npt.NDArray[np.int64]) -> Pixels:
        """Some labelled rows."""
        return Pixels(self.images, self.targets, self.of_rows[rows])

    def with_copies(self, rows: npt.NDArray[np.int64]) -> tuple[Pixels, int]:
        """Some labelled rows and, behind them, the copies made of them; and how many copies."""
        copies = self.of_copies[np.isin(self.origin, rows)]
        return Pixels(self.images, self.targets, np.concatenate([self.of_rows[rows], copies])), len(copies)


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
    engine: Engine,
    progress: Progress,
) -> TrainedReader:
    """Reconnect heads, train the networks on as a whole, and keep the better reader by what was held out.

    The reader given stays the answer unless the fine-tuned one is clearly better (`choose_reader`).
    """
    task, spec = reader.task, reader.preprocess
    recipe = recipe_for(settings.fine_tune, pretrained=backbone.pretrained, images=len(rows.of("train")))
    members = plan_members(rows, task=task, count=recipe.ensemble, seed=seed)
    policy = policy_for(cohort, settings)
    if policy == "ct":  # what is looked for is a few pixels: wear would take it away with the label left on
        recipe = replace(recipe, strength=min(recipe.strength, 1.0), wear=0.0)
    of_head = settings
    if settings.head in TREE_HEADS:  # no gradient passes through trees
        of_head = settings.model_copy(update={"head": "linear", "reduce": "none"})
    material = _material(reader, rows, images, work=work, engine=engine, progress=progress)
    networks: list[ReaderNetwork] = []
    trainings: list[FineTuned] = []
    setting: dict[str, float | str] = {}
    for number, member in enumerate(members):
        head, setting = _start(
            features, rows, member, recipe, task=task, settings=of_head, seed=seed, copies=copies
        )
        network = ReaderNetwork(copy.deepcopy(backbone.module), head)
        if number == 0:
            _check_reconnection(network, material.part(member.left_out), features[member.left_out], spec)
        learned, copied = material.with_copies(member.learns)
        trainings.append(
            fine_tune(
                network,
                learned,
                material.part(member.left_out),
                task=task,
                mean=spec.mean,
                std=spec.std,
                imbalance=imbalance_of(settings),
                copies=copied,
                augmentation=None if policy == "none" else Augmentation(policy, recipe.strength, recipe.wear),
                settings=recipe,
                seed=seed + number,
                key=_key(cohort, settings, reader, policy, recipe, seed=seed, number=number),
                out=work / "fine-tune",
                engine=engine,
                progress=progress,
            )
        )
        networks.append(network.eval())
    judged = np.sort(np.concatenate([member.left_out for member in members]))
    at = np.searchsorted(judged, np.concatenate([member.left_out for member in members]))
    logits = np.empty((len(judged), reader.held_out.logits.shape[1]))
    logits[at] = np.concatenate(
        [
            logits_of(network, material.part(member.left_out), mean=spec.mean, std=spec.std)
            for network, member in zip(networks, members, strict=True)
        ]
    )
    choice = choose_reader(
        reader.held_out.logits[np.isin(rows.of("train", "tune"), judged)],
        logits,
        rows.targets[judged],
        groups=rows.groups[judged],
        task=task,
        seed=seed,
        where="tune" if len(members) == 1 else "images left out",
    )
    history = [{**row, "kept": not choice.keep_complex} for row in reader.history]
    history += _history(trainings, kept=choice.keep_complex)
    notes = [*reader.notes, choice.sentence]
    if settings.head in TREE_HEADS:
        notes.append(
            f"Fine-tuning starts from a linear head: no gradient passes through a {settings.head} head."
        )
    if not choice.keep_complex:
        return replace(reader, history=history, notes=notes)
    return _adopt(
        reader, rows, backbone, cohort, networks, members,
        history=history,
        # What was said of the other head does not hold for this one.
        notes=[*(note for note in notes if note not in reader.notes), *_notes(recipe, members)],
        facts={
            **{name: said for name, said in reader.facts.items() if not name.startswith("head.")},
            **{f"head.{name}": str(value) for name, value in setting.items()},
            **_facts(recipe, trainings, policy),
        },
        work=work, engine=engine, progress=progress,
    )  # fmt: skip


def _adopt(
    reader: TrainedReader,
    rows: LabelledRows,
    backbone: OpenedBackbone,
    cohort: Cohort,
    networks: list[ReaderNetwork],
    members: list[Member],
    *,
    history: list[dict[str, Any]],
    notes: list[str],
    facts: dict[str, str],
    work: Path,
    engine: Engine,
    progress: Progress,
) -> TrainedReader:
    """The fine-tuned networks as the reader, with held-out logits and density from the fast runtime."""
    network = join_members(networks)
    tuned = copy.copy(backbone)
    tuned.module = network.backbone
    features = cohort_features(
        tuned, reader.preprocess, own_images(cohort), rows.ids, work=work, engine=engine, progress=progress
    )
    logits = np.full((len(rows.ids), reader.held_out.logits.shape[1]), np.nan)
    for one, member, part in zip(networks, members, np.split(features, len(networks), axis=1), strict=True):
        logits[member.left_out] = head_logits(one, part[member.left_out])
    judged = np.sort(np.concatenate([member.left_out for member in members]))
    split = described = "tune"
    if len(members) > 1:
        split = "train and tune, left out in turn"
        described = (
            f"train and tune, each image scored by one of {len(members)} networks blind to its patient "
            "but for when to stop"
        )
    density = fit_density(features[rows.of("train")])
    return replace(
        reader,
        network=network,
        held_out=HeldOut(logits[judged], rows.targets[judged], rows.groups[judged], split, described),
        density=density,
        novelty_threshold=novelty_threshold(density.novelty(features[rows.of("tune")])),
        phases=("head", "fine-tune"),
        history=history,
        notes=notes,
        facts={**facts, "features": f"{features.shape[1]} ({reader.facts['features'].partition('(')[2]}"},
    )


def _material(
    reader: TrainedReader,
    rows: LabelledRows,
    images: TrainingImages,
    *,
    work: Path,
    engine: Engine,
    progress: Progress,
) -> Material:
    ids, pixels = compute_pixels(
        ResizeStage(resize_graph(reader.preprocess)),
        images.parts,
        work / "pixels",
        size=reader.preprocess.size,
        content_hash=images.content_hash,
        engine=engine,
        progress=progress,
    )
    place = {image_id: index for index, image_id in enumerate(ids)}
    targets = np.full((len(ids), rows.targets.shape[1]), np.nan, np.float32)
    of_rows = np.array([place[image_id] for image_id in rows.ids], np.int64)
    of_copies = np.array([place[image_id] for image_id in images.copies], np.int64)
    targets[of_rows] = rows.targets
    targets[of_copies] = rows.targets[images.origin]
    return Material(pixels, targets, of_rows, of_copies, images.origin)


def _start(
    features: Floats,
    rows: LabelledRows,
    member: Member,
    recipe: Recipe,
    *,
    task: Task,
    settings: ReaderSettings,
    seed: int,
    copies: FeatureCopies | None,
) -> tuple[nn.Module, dict[str, float | str]]:
    """The head from which a network goes on, and what is said of it."""
    if not recipe.fresh_head or settings.head == "mlp":
        start = fit_rows(
            features, rows, member.learns, task=task, settings=settings, seed=seed, copies=copies
        )
        return start.module, start.setting
    # On random features a fitted head is worse than none: it begins with the classes' shares.
    share = np.clip(np.nanmean(rows.targets[member.learns], 0), 1e-3, 1 - 1e-3)
    bias = np.log(share) if task == "multiclass" else np.log(share / (1 - share))
    head: nn.Module = LinearHead(np.zeros((len(share), features.shape[1])), bias)
    gamma = imbalance_of(settings).gamma
    return FocalHead(head, task=task, gamma=gamma) if gamma else head, {"head": "linear"}


def _history(trainings: list[FineTuned], *, kept: bool) -> list[dict[str, Any]]:
    """One row an epoch, the mean over networks; the kept one is that of the networks' mean best epoch."""
    best = round(float(np.mean([training.best_epoch for training in trainings])))
    longest = max(len(training.history) for training in trainings)
    rows: list[dict[str, Any]] = []
    for epoch in range(longest):
        found = [training.history[epoch] for training in trainings if epoch < len(training.history)]
        mean = {name: float(np.mean([row[name] for row in found])) for name in found[0]}
        rows.append({"phase": "fine-tune", **mean, "epoch": epoch, "kept": kept and epoch == best})
    return rows


def _notes(recipe: Recipe, members: list[Member]) -> list[str]:
    notes = []
    if len(members) > 1:
        count = len(members)
        notes.append(
            f"{count} networks, each trained without one fold of the patients of train and tune, are "
            f"averaged: a reading costs {count} times as much as by one of them."
        )
    if recipe.mix != "none" or recipe.label_smoothing:
        notes.append(
            "Mixed images or smoothed targets drew the scores towards undecided in training: they hold as "
            "calibrated afterwards."
        )
    return notes


def _facts(recipe: Recipe, trainings: list[FineTuned], policy: str) -> dict[str, str]:
    """What the record says of the training."""
    rates = sorted({training.learning_rate for training in trainings})
    said = {name: str(value) for name, value in asdict(recipe).items() if name != "ensemble"}
    said["learning_rate"] = ", ".join(f"{rate:.3g}" for rate in rates)
    said["augmentation"] = policy
    said["networks"] = str(len(trainings))
    said["best_epoch"] = ", ".join(str(training.best_epoch) for training in trainings)
    return {f"fine-tune.{name}": value for name, value in said.items()}


def _check_reconnection(network: ReaderNetwork, tune: Pixels, features: Floats, spec: Preprocess) -> None:
    """The reconnected network must say of an image what the head says of its cached features.

    Raises:
        TrainingError: It does not: torch and the fast runtime read the pixels differently.
    """
    count = min(CHECKED_IMAGES, len(tune.rows))
    head = network.head
    weights = [parameter for parameter in head.parameters() if parameter.ndim > 1]
    if not any(bool(torch.count_nonzero(weight)) for weight in weights):  # a fresh head says the same of all
        width = features.shape[1]
        network = ReaderNetwork(network.backbone, LinearHead(np.full((1, width), 1 / width), np.zeros(1)))
    first = Pixels(tune.images, tune.targets, tune.rows[:count])
    whole = logits_of(network, first, mean=spec.mean, std=spec.std)
    apart = float(np.abs(whole - head_logits(network, features[:count])).max())
    if not apart <= RECONNECT_TOLERANCE * max(1.0, float(np.abs(whole).max())):
        raise TrainingError(
            f"the reconnected network's logits differ by {apart:.3g} from those of the cached features",
            todo="remove the work folder and run again; if it stays, report this as a bug",
        )


def _key(
    cohort: Cohort,
    settings: ReaderSettings,
    reader: TrainedReader,
    policy: str,
    recipe: Recipe,
    *,
    seed: int,
    number: int,
) -> str:
    """All that the fine-tuned weights of one network depend on."""
    said = {
        "cohort": cohort.card.content_hash,
        "settings": settings.model_dump(mode="json"),
        "weights": reader.facts["weights_sha256"],
        "preprocess": reader.preprocess.model_dump(mode="json"),
        "policy": policy,
        "recipe": asdict(recipe),
        "seed": seed,
        "number": number,
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
