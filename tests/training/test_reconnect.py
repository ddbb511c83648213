from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from overread.cohort import Cohort
from overread.engine import LocalEngine
from overread.errors import TrainingError
from overread.training import ReaderSettings, TrainedReader, grown_trees, reconnect, train_reader
from overread.training.choice import Choice
from overread.training.network import LinearHead
from overread.training.trees import ExplainedHead
from tests.training.made import same_weights, small_cohort

SETTINGS = {"backbone": "test_efficientnet", "weights": "none", "image_size": 32, "folds": 2}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Cohort, Path, TrainedReader]:
    folder = tmp_path_factory.mktemp("reconnect")
    cohort = small_cohort(folder, positive="malignant")
    return cohort, folder / "work", train(cohort, folder / "work", phases=("head",))


def train(cohort: Cohort, work: Path, **changes: Any) -> TrainedReader:
    settings = ReaderSettings.model_validate(
        {**SETTINGS, "fine_tune": {"epochs": 1, "learning_rate": 1e-2, "ensemble": 1}, **changes}
    )
    return train_reader(cohort, work, settings=settings, engine=LocalEngine(workers=1))


def decide(monkeypatch: pytest.MonkeyPatch, *, keep_complex: bool) -> None:
    monkeypatch.setattr(
        reconnect,
        "choose_reader",
        lambda *_, **__: Choice(0.7, 0.9 if keep_complex else 0.6, 0.1, keep_complex),
    )


def test_where_the_heads_reader_is_kept_it_is_the_same_bit_for_bit(
    trained: tuple[Cohort, Path, TrainedReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort, work, head_only = trained
    decide(monkeypatch, keep_complex=False)
    both = train(cohort, work)
    assert same_weights(both.network, head_only.network)
    assert both.phases == ("head",)
    assert both.notes == [
        "Fine-tuning was worse than the head alone on tune (mean AUC 0.600 against 0.700): "
        "the head's reader was kept."
    ]
    np.testing.assert_array_equal(both.held_out.logits, head_only.held_out.logits)
    assert both.novelty_threshold == head_only.novelty_threshold
    assert [(row["phase"], row["kept"]) for row in both.history] == [("head", True), ("fine-tune", False)]


def test_where_the_fine_tuned_reader_is_kept_everything_comes_from_it(
    trained: tuple[Cohort, Path, TrainedReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort, work, head_only = trained
    decide(monkeypatch, keep_complex=True)
    both = train(cohort, work)
    assert not same_weights(both.network, head_only.network)
    assert both.phases == ("head", "fine-tune")
    assert both.held_out.described == "tune"
    tune = cohort.table(["image_id"], split="tune")
    assert len(both.held_out.logits) == len(tune) < len(head_only.held_out.logits)
    assert not np.array_equal(both.density.mean, head_only.density.mean)
    assert [(row["phase"], row["kept"]) for row in both.history] == [("head", False), ("fine-tune", True)]
    assert not any(module.training for module in both.network.modules())


def test_the_head_only_reader_is_the_same_twice_and_scored_by_heads_blind_to_the_patient(
    trained: tuple[Cohort, Path, TrainedReader], tmp_path: Path
) -> None:
    cohort, work, first = trained
    shutil.copytree(work, tmp_path / "work")
    second = train(cohort, tmp_path / "work", phases=("head",))
    assert same_weights(first.network, second.network)
    both = len(cohort.table(["image_id"], split="train")) + len(cohort.table(["image_id"], split="tune"))
    assert first.held_out.logits.shape == (both, 1)
    assert "2 heads blind to its patient" in first.held_out.described
    assert first.facts["backbone"] == "test_efficientnet"


@pytest.mark.exhaustive
def test_networks_over_folds_are_one_reader_that_comes_out_the_same_again(
    trained: tuple[Cohort, Path, TrainedReader], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort, _, head_only = trained
    decide(monkeypatch, keep_complex=True)
    several: dict[str, Any] = {"fine_tune": {"epochs": 2, "ensemble": 2}, "backbone": "small"}
    first = train(cohort, tmp_path / "a", **several)
    second = train(cohort, tmp_path / "b", **several)
    assert same_weights(first.network, second.network)
    np.testing.assert_array_equal(first.held_out.logits, second.held_out.logits)
    # Every image of train and tune has a score by a network that left it out.
    assert first.held_out.logits.shape == head_only.held_out.logits.shape
    assert np.isfinite(first.held_out.logits).all()
    assert "2 networks blind to its patient" in first.held_out.described
    assert any(note.startswith("2 networks, each trained without one fold") for note in first.notes)
    assert first.facts["fine-tune.networks"] == "2"
    assert first.facts["features"] == "384 (stages)"
    assert [row["epoch"] for row in first.history if row["phase"] == "fine-tune"] == [0, 1]
    # An interrupted study has the networks that were finished, and trains the others alone.
    folders = sorted((tmp_path / "b" / "fine-tune").iterdir())
    shutil.rmtree(folders[0])
    stamp = (folders[1] / "last.ckpt").stat().st_mtime_ns
    third = train(cohort, tmp_path / "b", **several)
    assert same_weights(first.network, third.network)
    assert (folders[1] / "last.ckpt").stat().st_mtime_ns == stamp


@pytest.mark.parametrize("keep_complex", [False, True])
def test_trees_are_fine_tuned_by_way_of_a_linear_head(
    keep_complex: bool, trained: tuple[Cohort, Path, TrainedReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort, work, _ = trained
    monkeypatch.setattr(grown_trees, "FOREST_TREES", 5)
    decide(monkeypatch, keep_complex=keep_complex)
    both = train(cohort, work, head="random-forest")
    assert (
        "Fine-tuning starts from a linear head: no gradient passes through a random-forest head."
        in both.notes
    )
    assert isinstance(both.network.head, LinearHead if keep_complex else ExplainedHead)
    assert both.facts["head.head"] == ("linear" if keep_complex else "random-forest")
    assert any("stand-in" in note for note in both.notes) is not keep_complex
    assert ("head.leaf" in both.facts) is not keep_complex


def test_a_network_that_says_something_else_than_its_cached_features_is_refused(
    trained: tuple[Cohort, Path, TrainedReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort, work, _ = trained
    whole = reconnect.compute_pixels

    def darker(*arguments: Any, **named: Any) -> Any:
        ids, images = whole(*arguments, **named)
        return ids, images // 2

    monkeypatch.setattr(reconnect, "compute_pixels", darker)
    with pytest.raises(TrainingError, match="the reconnected network's logits differ"):
        train(cohort, work)


def test_a_class_of_too_few_patients_is_named(tmp_path: Path) -> None:
    cohort = small_cohort(tmp_path, positive="malignant")
    table = cohort.table()
    with pytest.raises(TrainingError) as raised:
        check(table, cohort, kept=1)
    assert str(raised.value) == (
        "class 'malignant': expected images with it of at least 2 patients in train and tune, got 1; "
        "add such images, or leave the class out"
    )
    check(table, cohort, kept=2)


def check(table: Any, cohort: Cohort, *, kept: int) -> None:
    from overread.training.reader import check_learnable, labelled_rows

    rows = labelled_rows(cohort)
    present = np.flatnonzero((rows.targets[:, 0] == 1) & np.isin(rows.split, ("train", "tune")))
    targets = rows.targets.copy()
    targets[present[kept:]] = 0
    check_learnable(replace(rows, targets=targets), "train", "tune", classes=cohort.classes)


def test_training_leaves_torchs_settings_alone(trained: tuple[Cohort, Path, TrainedReader]) -> None:
    assert not torch.are_deterministic_algorithms_enabled()
