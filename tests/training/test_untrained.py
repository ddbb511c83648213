from __future__ import annotations

import pytest
import timm
import torch

from overread.training.untrained import USUAL, settle


def fresh(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    network: torch.nn.Module = timm.create_model(name, pretrained=False, num_classes=0)
    return network


def test_a_network_whose_signal_dies_is_given_one_of_usual_size() -> None:
    network = fresh("test_efficientnet")
    noise = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert float(network.eval().forward_features(noise).std()) < USUAL[0]
        settle(network, image_size=64, seed=0)
        assert USUAL[0] <= float(network.forward_features(noise).std()) <= USUAL[1]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_number_of_threads_changes_no_bit(threads: int) -> None:
    def settled(count: int) -> dict[str, torch.Tensor]:
        network = fresh("test_efficientnet")
        torch.set_num_threads(count)
        settle(network, image_size=32, seed=0)
        return network.state_dict()

    before = torch.get_num_threads()
    try:
        one, other = settled(1), settled(threads)
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(one[name], other[name]) for name in one)
