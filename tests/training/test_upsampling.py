"""A cohort with a rare class, trained with every remedy from its images to its reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from overread.cohort import Cohort, augment
from overread.engine import LocalEngine
from overread.errors import TrainingError
from overread.progress import SILENT
from overread.training import ReaderSettings, TrainedReader, heads, reconnect, train_reader
from overread.training.batches import Pixels, SeededOrder
from overread.training.choice import Choice
from overread.training.fine_tune import fine_tune
from overread.training.heads import FeatureCopies, fit_head, fit_linear
from overread.training.imbalance import Imbalance, Kind
from overread.training.loop import TrainingLoop
from overread.training.network import FocalHead
from overread.training.reader import labelled_rows
from overread.training.upsampling import training_images
from tests.training.made import same_weights, small_cohort

SETTINGS = {"backbone": "test_efficientnet", "weights": "none", "image_size": 32, "folds": 2}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return small_cohort(
        tmp_path_factory.mktemp("rare"), {"benign": 30, "malignant": 12}, positive="malignant"
    )


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


def train(cohort: Cohort, work: Path, **changes: Any) -> TrainedReader:
    said = {
        **SETTINGS,
        "phases": ("head",),
        "fine_tune": {"epochs": 1, "learning_rate": 1e-2, "ensemble": 1},
        **changes,
    }
    return train_reader(
        cohort, work, settings=ReaderSettings.model_validate(said), engine=LocalEngine(workers=1)
    )


@pytest.fixture(scope="module")
def plain(cohort: Cohort, work: Path) -> TrainedReader:
    return train(cohort, work, imbalance="none")


def test_copies_are_learned_from_and_nothing_else(cohort: Cohort, work: Path, plain: TrainedReader) -> None:
    reader = train(cohort, work, imbalance="upsample", upsample_share=0.4)
    assert not same_weights(reader.network, plain.network)
    assert not np.allclose(reader.held_out.logits, plain.held_out.logits)
    np.testing.assert_array_equal(reader.held_out.targets, plain.held_out.targets)
    np.testing.assert_array_equal(reader.held_out.groups, plain.held_out.groups)
    np.testing.assert_array_equal(reader.density.mean, plain.density.mean)
    assert reader.novelty_threshold == plain.novelty_threshold
    assert cohort.card.counts["train"] == {"malignant": 6, "benign": 15}
    assert reader.facts["imbalance"] == (
        "upsample: 4 copies of 4 images of train (malignant 28.6 -> 40.0 %, no malignant 71.4 -> 60.0 %)"
    )


@pytest.fixture(scope="module")
def augmented(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    out = tmp_path_factory.mktemp("augmented") / "cohort"
    return augment(cohort, out, share=0.4, seed=0, engine=LocalEngine(workers=1))


@pytest.mark.parametrize(("phases", "imbalance"), [(("head",), "upsample"), (("head", "fine-tune"), "none")])
def test_an_augmented_cohort_gives_the_reader_that_upsampling_the_original_gives(
    phases: tuple[str, ...],
    imbalance: str,
    cohort: Cohort,
    augmented: Cohort,
    work: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconnect, "choose_reader", lambda *_, **__: Choice(0.7, 0.9, 0.1, True))
    said = {"upsample_share": 0.4, "phases": phases}
    expected = train(cohort, work, imbalance="upsample", **said)
    reader = train(augmented, tmp_path, imbalance=imbalance, **said)
    assert same_weights(reader.network, expected.network)
    for name in ("logits", "targets", "groups"):
        np.testing.assert_array_equal(getattr(reader.held_out, name), getattr(expected.held_out, name))
    np.testing.assert_array_equal(reader.density.mean, expected.density.mean)
    assert reader.novelty_threshold == expected.novelty_threshold
    assert reader.history == expected.history
    assert reader.facts["imbalance"].split(": ")[1] == expected.facts["imbalance"].split(": ")[1]


def test_the_rows_of_an_augmented_cohort_are_its_images(
    cohort: Cohort, augmented: Cohort, tmp_path: Path
) -> None:
    rows, expected = labelled_rows(augmented), labelled_rows(cohort)
    assert rows.ids == expected.ids
    np.testing.assert_array_equal(rows.groups, expected.groups)
    settings = ReaderSettings(imbalance="class-weights")
    images = training_images(
        augmented,
        rows,
        settings=settings,
        seed=0,
        work=tmp_path,
        engine=LocalEngine(1),
        progress=SILENT,
    )
    assert images.parts == augmented.parts
    assert len(images.copies) == 4
    assert [f"{rows.ids[row]}#copy1" for row in images.origin] == images.copies
    assert not set(images.copies) & set(rows.ids)


def test_another_share_than_the_cohort_has_is_refused(augmented: Cohort, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"up to the share equal, but the cohort was augmented to 0\.4"):
        train(augmented, tmp_path, imbalance="upsample")


def test_copies_stay_out_of_the_fold_that_leaves_their_origin_out(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 2))
    targets = (np.arange(40) % 4 == 0).astype(float)[:, None]
    groups = np.arange(40) // 2
    origin = np.repeat(np.flatnonzero(targets[:, 0] == 1), 3)
    marked = np.column_stack([100.0 + origin, rng.normal(size=len(origin))])
    seen: list[np.ndarray] = []

    def watch(features: np.ndarray, *arguments: Any, **named: Any) -> Any:
        seen.append(features)
        return fit_linear(features, *arguments, **named)

    monkeypatch.setattr(heads, "fit_linear", watch)
    fitted = fit_head(
        x,
        targets,
        kind="linear",
        task="binary",
        groups=groups,
        folds=3,
        imbalance=Imbalance("upsample"),
        seed=0,
        copies=FeatureCopies(marked, origin),
    )
    assert fitted.held_out_logits.shape == (40, 1)
    assert len(seen) % 3 == 0
    for at, features in enumerate(seen):
        inside = fitted.folds != at % 3
        of_copies = features[features[:, 0] > 50, 0] - 100
        np.testing.assert_array_equal(np.sort(of_copies), np.sort(origin[inside[origin]]))
        np.testing.assert_array_equal(features[: inside.sum()], x[inside])


def test_fine_tuning_learns_from_copies_and_watches_tune_as_it_is(
    cohort: Cohort, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[Pixels, Pixels, int]] = []

    def watch(network: Any, train: Pixels, tune: Pixels, **named: Any) -> Any:
        given.append((train, tune, named["copies"]))
        return fine_tune(network, train, tune, **named)

    monkeypatch.setattr(reconnect, "fine_tune", watch)
    monkeypatch.setattr(reconnect, "choose_reader", lambda *_, **__: Choice(0.7, 0.9, 0.1, True))
    reader = train(cohort, work, imbalance="upsample", phases=("head", "fine-tune"))
    assert reader.phases == ("head", "fine-tune")
    ((learned, watched, copies),) = given
    rows = labelled_rows(cohort)
    own = len(learned.rows) - copies
    assert own == len(rows.of("train"))
    assert learned.targets[learned.rows].mean() == pytest.approx(0.5)
    np.testing.assert_array_equal(learned.targets[learned.rows[:own]], rows.targets[rows.of("train")])
    np.testing.assert_array_equal(watched.targets[watched.rows], rows.targets[rows.of("tune")])
    assert len(reader.held_out.logits) == len(rows.of("tune"))
    own_pixels = learned.images[learned.rows[:own]]
    assert all((own_pixels != one).any((1, 2, 3)).all() for one in learned.images[learned.rows[own:]])


@pytest.mark.usefixtures("short_training")
def test_a_focal_reader_is_one_from_head_to_fine_tuned_network(
    cohort: Cohort,
    work: Path,
    plain: TrainedReader,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconnect, "choose_reader", lambda *_, **__: Choice(0.7, 0.9, 0.1, True))
    reader = train(cohort, work, imbalance="focal", head="mlp", phases=("head", "fine-tune"))
    assert isinstance(reader.network.head, FocalHead)
    assert not any(module.training for module in reader.network.modules())
    assert not same_weights(reader.network, plain.network)


def test_images_are_drawn_by_their_chances_and_the_same_ones_each_time() -> None:
    chances = np.array([1.0] * 90 + [9.0] * 10)
    order = SeededOrder(100, seed=3, shuffled=True, chances=chances)
    drawn = []
    for epoch in (0, 1, 0):
        order.set_epoch(epoch)
        drawn.append([index for _, index in order])
    assert drawn[0] == drawn[2] != drawn[1]
    counts = []
    for epoch in range(200):
        order.set_epoch(epoch)
        counts.append(sum(index >= 90 for _, index in order))
    assert np.mean(counts) == pytest.approx(50, abs=1.5)


@pytest.mark.usefixtures("short_training")
@pytest.mark.parametrize(("kind", "share"), [("none", 0.1), ("balanced-sampling", 0.5)])
def test_an_mlp_by_draws_sees_classes_equally_often(
    kind: Kind, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []
    step = TrainingLoop.training_step

    def watch(loop: TrainingLoop, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        seen.extend(batch[1][:, 0].tolist())
        return step(loop, batch, index)

    monkeypatch.setattr(TrainingLoop, "training_step", watch)
    targets = (np.arange(400) < 40).astype(float)[:, None]
    fit_head(
        np.random.default_rng(0).normal(size=(400, 3)),
        targets,
        kind="mlp",
        task="binary",
        groups=np.arange(400),
        folds=2,
        imbalance=Imbalance(kind),
        seed=0,
    )
    assert np.mean(seen) == pytest.approx(share, abs=0.05)
