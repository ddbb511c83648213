from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from overread.errors import BackboneError
from overread.training.backbones import Backbone, Taps, open_backbone
from overread.training.sizes import Smaller, area_shares, largest_first
from overread.training.weights import OpenedWeights
from tests.training.made import TinyNet


@given(st.integers(1, 60), st.integers(1, 60))
def test_area_shares_keep_the_mean(size: int, wanted: int) -> None:
    shares = area_shares(size, wanted)
    assert shares.shape == (wanted, size)
    assert (shares >= 0).all()
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-9)
    np.testing.assert_allclose(shares.sum(0), wanted / size, atol=1e-9)
    values = np.random.default_rng(0).normal(size=size)
    assert (shares @ values).mean() == pytest.approx(values.mean(), abs=1e-9)


@given(st.integers(1, 30), st.integers(1, 6))
def test_area_shares_average_whole_blocks_where_the_sizes_divide(wanted: int, times: int) -> None:
    values = np.random.default_rng(1).normal(size=wanted * times)
    np.testing.assert_allclose(
        area_shares(wanted * times, wanted) @ values, values.reshape(wanted, times).mean(1), atol=1e-9
    )


def test_a_smaller_image_has_the_means_of_the_areas_that_its_pixels_cover() -> None:
    image = torch.arange(36.0).reshape(1, 1, 6, 6)
    expected = torch.nn.functional.avg_pool2d(image, 3)
    torch.testing.assert_close(Smaller(6, 2)(image), expected)
    torch.testing.assert_close(Smaller(6, 4)(image).mean(), image.mean())


def test_the_largest_size_is_the_inputs_wherever_the_study_says_it() -> None:
    assert largest_first(225, (449, 321)) == (449, 321, 225)
    assert largest_first(449, (225, 449)) == (449, 225)
    opened = open_backbone(
        OpenedWeights("test_resnet", None, {}), image_size=32, more_sizes=(64,), taps="last", seed=0
    )
    assert opened.image_size == 64


@pytest.mark.parametrize("taps", ["stages", "last"])
@pytest.mark.parametrize("name", ["test_efficientnet", "test_vit", "test_convnext"])
def test_the_features_of_all_sizes_stand_side_by_side_and_average_over_one_grid(
    name: str, taps: Taps
) -> None:
    weights = OpenedWeights(name, None, {})
    both = open_backbone(weights, image_size=96, more_sizes=(64,), taps=taps, seed=0).module
    large, small = (Backbone(both.network, image_size=size, taps=taps) for size in (96, 64))
    images = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        maps = both(images)
        pooled, places = both.pooled(maps), both.places(maps)
        at_once = [large.pooled(large(images)), small.pooled(small(Smaller(96, 64)(images)))]
    assert both.channels == 2 * large.channels
    assert both.grid == large.grid
    torch.testing.assert_close(pooled, torch.cat(at_once, 1), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(places.mean((2, 3)), pooled, rtol=1e-4, atol=1e-4)


def test_every_size_is_looked_at_by_the_same_weights_and_all_learn_from_each() -> None:
    torch.manual_seed(0)
    network = TinyNet()
    backbone = Backbone(network, image_size=32, more_sizes=(16,)).train()
    assert {name.partition(".")[0] for name in backbone.state_dict()} == {"network"}
    image = torch.randn(1, 3, 32, 32)
    gradients = []
    for chosen in (slice(0, 14), slice(14, 28), slice(0, 28)):
        network.zero_grad()
        backbone.pooled(backbone(image))[:, chosen].square().sum().backward()
        assert network.first.weight.grad is not None
        gradients.append(network.first.weight.grad.clone())
    torch.testing.assert_close(gradients[0] + gradients[1], gradients[2])
    assert gradients[1].abs().max() > 0


def test_a_network_of_one_size_alone_refuses_a_second_in_one_sentence() -> None:
    weights = OpenedWeights("mixer_s32_224", None, {})
    with pytest.raises(BackboneError, match="cannot take 96 × 96 and 64 × 64 pixels") as raised:
        open_backbone(weights, image_size=96, more_sizes=(64,), taps="last", seed=0)
    assert "or more_sizes = []" in str(raised.value)
