from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from overread.training.imbalance import Remedy
from overread.training.loop import TrainingLoop
from overread.training.rate_finder import chosen_rate, found_rate, range_test, smoothed
from tests.training.made import reader, run_fine_tune, same_weights

NO_REMEDY = Remedy(np.ones((1, 2)), None, 0.0, np.zeros(1))


def loop(scale: float = 1.0) -> tuple[TrainingLoop, DataLoader[tuple[torch.Tensor, ...]]]:
    """A logistic regression; its inputs, and so the rates that it bears, by a scale."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 1))
    inputs = torch.randn(64, 8)
    targets = (inputs[:, :1] > 0).float()
    rows = TensorDataset(inputs * scale, targets)
    made = TrainingLoop(
        network,
        task="binary",
        remedy=NO_REMEDY,
        rates=[{"params": list(network.parameters()), "lr": 1.0}],
        weight_decay=0.0,
    )
    return made, DataLoader(rows, batch_size=16)


def test_the_network_is_afterwards_what_it_was() -> None:
    made, batches = loop()
    before = {name: value.clone() for name, value in made.network.state_dict().items()}
    state = torch.random.get_rng_state()
    rates, losses = range_test(made, batches)
    assert len(rates) == len(losses) > 10
    assert all(torch.equal(value, before[name]) for name, value in made.network.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), state)
    assert made.history == []


def test_the_test_is_the_same_twice_and_its_rates_grow() -> None:
    first, second = range_test(*loop()), range_test(*loop())
    assert first == second
    rates = np.array(first[0])
    np.testing.assert_allclose(rates[1:] / rates[:-1], rates[1] / rates[0])


def test_the_chosen_rate_lies_a_tenth_below_the_lowest_smoothed_loss() -> None:
    rates = list(np.geomspace(1e-6, 1, 61))
    losses = [1.0 - 0.5 * min(i, 40) / 40 + max(0, i - 40) for i in range(61)]
    chosen = chosen_rate(rates, smoothed(losses))
    assert rates[36] / 10 < chosen < rates[42] / 10
    assert smoothed([2.0, 2.0, 2.0]) == pytest.approx([2.0, 2.0, 2.0])


def test_a_loss_that_is_no_number_ends_the_test() -> None:
    made, batches = loop(scale=1e38)
    rates, _ = range_test(made, batches)
    assert len(rates) < 80


def test_the_curve_is_kept_as_json_and_not_made_again(tmp_path: Path) -> None:
    made, batches = loop()
    chosen = found_rate(made, batches, out=tmp_path)
    curve = json.loads((tmp_path / "learning-rate.json").read_text())
    assert curve["chosen"] == chosen
    assert len(curve["rates"]) == len(curve["losses"]) == len(curve["smoothed"])
    assert list((tmp_path / "tensorboard" / "learning-rate").iterdir())
    assert found_rate(made, [], out=tmp_path) == chosen


def test_fine_tuning_finds_its_rate_and_says_it(tmp_path: Path) -> None:
    one, other = reader(), reader()
    first = run_fine_tune(one, tmp_path / "a", epochs=1, learning_rate="find")
    second = run_fine_tune(other, tmp_path / "b", epochs=1, learning_rate="find")
    assert first == second
    assert 1e-7 <= first.learning_rate <= 0.1
    assert first.history[0]["learning_rate"] == pytest.approx(first.learning_rate, rel=0.01)
    assert same_weights(one, other)
