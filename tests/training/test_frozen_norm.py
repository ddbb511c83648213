"""Folded normalisation: the same network, the same gradients, fewer passes."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn

from overread.training.frozen_norm import folded_norms


def network_of(name: str) -> Any:
    """A timm network in float64 whose normalisation has been somewhere."""
    torch.manual_seed(0)
    network = timm.create_model(name, num_classes=2).double().eval()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                for values, low in (
                    (module.get_buffer("running_mean"), -0.5),
                    (module.get_buffer("running_var"), 0.5),
                    (module.weight, 0.5),
                    (module.bias, -0.5),
                ):
                    values.uniform_(low, low + 1)
    return network


def gradients_of(network: nn.Module, images: Tensor) -> dict[str, Tensor]:
    network.zero_grad()
    network(images).square().sum().backward()
    return {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}


@pytest.mark.parametrize(
    ("name", "least"), [("mobilenetv2_050", 52), ("resnet10t", 12), ("densenet121", 0), ("xception41p", 0)]
)
def test_outputs_and_every_gradient_are_the_same(name: str, least: int) -> None:
    network, images = network_of(name), torch.randn(2, 3, 64, 64, dtype=torch.float64)
    expected_output, expected = network(images), gradients_of(network, images)
    with folded_norms(network, images[:1]) as folded:
        assert folded >= least
        torch.testing.assert_close(network(images), expected_output, rtol=1e-9, atol=1e-9)
        found = gradients_of(network, images)
    assert found.keys() == expected.keys()
    for parameter, gradient in expected.items():
        scale = float(gradient.abs().max())
        torch.testing.assert_close(found[parameter], gradient, rtol=1e-8, atol=1e-9 * max(scale, 1))


def test_a_layer_that_learns_its_statistics_does_so() -> None:
    images = torch.randn(4, 3, 64, 64, dtype=torch.float64)
    network, twin = network_of("mobilenetv2_050").train(), network_of("mobilenetv2_050").train()
    with folded_norms(network, images[:1]):
        torch.testing.assert_close(network(images), twin(images), rtol=0, atol=0)
    for name, values in twin.state_dict().items():
        assert torch.equal(network.state_dict()[name], values), name


def test_the_network_is_left_as_it_was_found() -> None:
    network = network_of("mobilenetv2_050")
    network.train()
    network.bn1.eval()
    modes = [module.training for module in network.modules()]
    names = list(network.state_dict())
    with folded_norms(network, torch.zeros(1, 3, 64, 64, dtype=torch.float64)):
        assert list(network.state_dict()) == names
        assert [module.training for module in network.modules()] == modes
    assert [module.training for module in network.modules()] == modes
    assert not any("forward" in vars(module) for module in network.modules())


def test_a_copy_of_a_folded_network_runs_by_its_own_weights() -> None:
    network, images = network_of("mobilenetv2_050"), torch.randn(1, 3, 64, 64, dtype=torch.float64)
    with folded_norms(network, images):
        twin, before = copy.deepcopy(network), network(images)
        with torch.no_grad():
            for values in network.parameters():
                values.mul_(0.9)
        torch.testing.assert_close(twin(images), before)


class Shared(nn.Module):
    """A convolution whose output is normalised, and taken as it is."""

    def __init__(self, *, twice: bool) -> None:
        super().__init__()
        self.twice = twice
        self.convolution, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        self.norm.running_mean.fill_(3.0)  # type: ignore[union-attr]

    def forward(self, images: Tensor) -> Tensor:
        """Images to one number an image."""
        values = self.convolution(images)
        other = self.convolution(images.flip(2)) if self.twice else values
        means: Tensor = (self.norm(values) + other).mean((1, 2, 3))
        return means


def test_a_convolution_that_is_also_called_elsewhere_is_not_folded() -> None:
    with folded_norms(Shared(twice=True).eval(), torch.zeros(1, 3, 8, 8)) as folded:
        assert folded == 0


def test_where_an_output_is_also_used_elsewhere_nothing_is_folded() -> None:
    network, images = Shared(twice=False).eval(), torch.randn(1, 3, 8, 8)
    expected = network(images)
    with folded_norms(network, images) as folded:
        assert folded == 0
        assert torch.equal(network(images), expected)
