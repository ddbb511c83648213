from __future__ import annotations

import pytest
import torch
from torch import nn

from overread.training.average import RunningMean


def stepped(network: nn.Module, by: float) -> None:
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += by


def test_the_mean_follows_the_formula() -> None:
    network = nn.Linear(2, 1)
    average = RunningMean(network, decay=0.9)
    expected = network.weight.detach().clone()
    for step in range(1, 101):
        stepped(network, 0.1 * step)
        average.update(network)
        kept = min(0.9, (1 + step) / (10 + step))
        expected = kept * expected + (1 - kept) * network.weight.detach()
    torch.testing.assert_close(average.mean["weight"], expected)


def test_the_statistics_of_batch_normalisation_are_averaged_and_its_count_is_copied() -> None:
    network = nn.BatchNorm2d(2)
    average = RunningMean(network, decay=0.5)
    network.train()(torch.randn(4, 2, 3, 3) + 5)
    average.update(network)
    kept = 2 / 11
    torch.testing.assert_close(
        average.mean["running_mean"], (1 - kept) * network.running_mean, check_stride=False
    )
    assert int(average.mean["num_batches_tracked"]) == 1


def test_swapping_in_gives_back_what_was_there() -> None:
    network = nn.Linear(3, 2)
    average = RunningMean(network, decay=0.9)
    start = network.weight.detach().clone()
    stepped(network, 1.0)
    own = average.swap_in(network)
    assert torch.equal(network.weight, start)
    network.load_state_dict(own)
    torch.testing.assert_close(network.weight.detach(), start + 1)
    # What the network does with them afterwards does not reach the mean.
    stepped(network, 5.0)
    assert torch.equal(average.mean["weight"], start)


def test_a_mean_that_goes_on_from_a_checkpoint_is_the_same() -> None:
    network = nn.Linear(2, 2)
    one, other = RunningMean(network, decay=0.9), RunningMean(network, decay=0.9)
    stepped(network, 1.0)
    one.update(network)
    other.restore(one.state())
    stepped(network, -3.0)
    for average in (one, other):
        average.update(network)
    assert other.steps == 2
    assert all(torch.equal(one.mean[name], other.mean[name]) for name in one.mean)


@pytest.mark.parametrize("decay", [0.0, 1.0])
def test_a_decay_that_keeps_all_or_nothing_is_refused(decay: float) -> None:
    with pytest.raises(ValueError, match="above 0 and below 1"):
        RunningMean(nn.Linear(1, 1), decay=decay)
