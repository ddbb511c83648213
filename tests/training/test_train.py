from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from overread.bundle import check_parity
from overread.cohort import Cohort
from overread.engine import LocalEngine
from overread.imaging import GraphRunner, preprocess_graph
from overread.training import ReaderSettings, TrainedReader, train_reader
from overread.training.network import BundledNetwork, export_reader, reference_answers
from overread.training.train import usual_side
from tests.training.made import small_cohort


def trained(cohort: Cohort, work: Path, **settings: Any) -> TrainedReader:
    said = {"folds": 2, "phases": ("head",), **settings}
    return train_reader(cohort, work, settings=ReaderSettings(**said), engine=LocalEngine(workers=1), seed=0)


def test_small_images_need_no_settings_and_no_hub(tmp_path: Path) -> None:
    cohort = small_cohort(tmp_path)
    assert usual_side(cohort) == 40
    reader = trained(cohort, tmp_path / "work")
    assert reader.facts["backbone"] == "overread_small"
    assert reader.facts["weights"] == "none"
    assert reader.preprocess.size == 40


def test_sizes_and_views_are_in_the_features_in_the_bundle_and_in_what_is_said_of_it(tmp_path: Path) -> None:
    cohort = small_cohort(tmp_path)
    reader = trained(cohort, tmp_path / "work", image_size=32, more_sizes=(48,), views=4)
    assert reader.preprocess.size == 48
    assert reader.facts["sizes"] == "48, 32 pixels"
    assert reader.facts["views"] == "4"
    assert [note for note in reader.notes if note.startswith("Reads each image 8 times (4 mirrored")]
    network = BundledNetwork(
        reader.network, task=reader.task, slope=(1.0,), intercept=(0.0,), density=reader.density
    )
    exported = export_reader(network, image_size=48)
    pixels = np.random.default_rng(0).integers(0, 256, (50, 40, 3), np.uint8)
    inputs = GraphRunner(preprocess_graph(reader.preprocess))(pixels)
    assert check_parity(reference_answers(network), exported, inputs) <= 1e-4
    upside_down = torch.from_numpy(inputs).flip(2)
    with torch.no_grad():
        torch.testing.assert_close(reader.network(upside_down), reader.network(torch.from_numpy(inputs)))


@pytest.mark.exhaustive
def test_fine_tuning_goes_through_all_sizes_and_is_judged_by_all_views(tmp_path: Path) -> None:
    cohort = small_cohort(tmp_path)
    fine_tune = {"epochs": 1, "patience": 1, "batch_size": 8, "learning_rate": 1e-2}
    reader = trained(
        cohort,
        tmp_path / "work",
        image_size=32,
        more_sizes=(28,),
        views=2,
        phases=("head", "fine-tune"),
        fine_tune=fine_tune,
    )
    assert [row["phase"] for row in reader.history] == ["head", "fine-tune"]
    assert all(np.isfinite(row["tune_loss"]) for row in reader.history)
    assert len([note for note in reader.notes if note.startswith("Reads each image 4 times")]) == 1


def test_a_reader_that_looks_once_says_nothing_of_its_cost(tmp_path: Path) -> None:
    reader = trained(small_cohort(tmp_path), tmp_path / "work", image_size=32)
    assert not [note for note in reader.notes if "Reads each image" in note]
    assert reader.facts["sizes"] == "32 pixels"
