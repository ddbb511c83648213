from __future__ import annotations

import pytest
import torch
from timm.models.swin_transformer import SwinTransformer

from overread.errors import BackboneError
from overread.training.backbones import Backbone, Taps, automatic_size, open_backbone
from overread.training.weights import OpenedWeights
from tests.training.made import same_weights

NETWORKS = [("test_efficientnet", 65), ("test_resnet", 97), ("test_convnext", 64), ("test_vit", 64)]


def opened(name: str, size: int, taps: Taps = "stages", *, seed: int = 0) -> Backbone:
    return open_backbone(OpenedWeights(name, None, {}), image_size=size, taps=taps, seed=seed).module


@pytest.mark.parametrize("taps", ["stages", "last"])
@pytest.mark.parametrize(("name", "size"), NETWORKS)
def test_the_mean_over_places_is_the_pooled_feature(name: str, size: int, taps: Taps) -> None:
    backbone = opened(name, size, taps)
    with torch.no_grad():
        maps = backbone(torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0)))
        pooled, places = backbone.pooled(maps), backbone.places(maps)
    assert pooled.shape == (2, backbone.channels)
    assert places.shape == (2, backbone.channels, *backbone.grid)
    torch.testing.assert_close(places.mean((2, 3)), pooled, rtol=1e-4, atol=1e-4)


def test_a_swin_transformer_which_puts_channels_last_is_read_channels_first() -> None:
    network = SwinTransformer(
        img_size=64, patch_size=4, embed_dim=8, depths=(1, 1), num_heads=(1, 2), window_size=4, num_classes=0
    ).eval()
    for taps, sides in (("stages", [16, 8]), ("last", [8])):
        backbone = Backbone(network, image_size=64, taps=taps)
        with torch.no_grad():
            maps = backbone(torch.randn(1, 3, 64, 64))
        assert [tuple(found.shape[2:]) for found in maps] == [(side, side) for side in sides]
        assert maps[-1].shape[1] == network.num_features


def test_the_last_tap_is_what_the_network_itself_pools() -> None:
    backbone = opened("test_resnet", 96, "last")
    images = torch.randn(2, 3, 96, 96)
    with torch.no_grad():
        torch.testing.assert_close(backbone.pooled(backbone(images)), backbone.network(images))


def test_last_takes_one_map_and_stages_take_several() -> None:
    last, stages = opened("test_efficientnet", 64, "last"), opened("test_efficientnet", 64)
    assert last.channels == 256
    assert stages.channels == 16 + 24 + 32 + 48 + 64


def test_a_long_row_of_equal_blocks_is_tapped_at_six_places_with_the_last() -> None:
    backbone = opened("deit_tiny_patch16_224", 64)
    assert len(backbone.chosen) == 6
    assert backbone.chosen[-1] == 11


def test_random_weights_depend_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    first = opened("test_resnet", 64, seed=7)
    torch.manual_seed(2)
    second = opened("test_resnet", 64, seed=7)
    assert same_weights(first, second)
    assert not same_weights(first, opened("test_resnet", 64, seed=8))


def test_building_a_network_leaves_the_random_numbers_of_its_caller_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    opened("test_resnet", 64)
    assert torch.equal(torch.rand(1), expected)


def test_a_size_that_the_network_cannot_take_is_one_sentence() -> None:
    with pytest.raises(BackboneError, match="cannot take 50 × 50 pixels") as raised:
        opened("test_maxvit", 50)
    assert "\n" not in str(raised.value)
    assert "set another image_size" in str(raised.value)


def test_the_automatic_size_is_the_networks_own_where_that_is_fixed() -> None:
    assert automatic_size("deit_tiny_patch16_224", pretrained=True) == 224
    assert automatic_size("mobilenetv2_100", pretrained=True) % 32 == 1
    assert automatic_size("mobilenetv2_100", pretrained=False) < 160


def test_mean_and_std_come_from_the_weights_before_timm() -> None:
    said = {"mean": [0.1, 0.2, 0.3], "std": None}
    backbone = open_backbone(OpenedWeights("test_resnet", None, said), image_size=64, taps="stages", seed=0)
    assert backbone.mean == (0.1, 0.2, 0.3)
    assert backbone.std == (0.229, 0.224, 0.225)


@pytest.mark.parametrize(("side", "size"), [(28, 28), (50, 50), (20, 28), (600, 64), (None, 64)])
def test_the_small_network_gets_the_side_of_the_images(side: int | None, size: int) -> None:
    assert automatic_size("overread_small", pretrained=False, image_side=side) == size
