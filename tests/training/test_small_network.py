from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import timm
import torch

from overread.training.backbones import open_backbone
from overread.training.network import FeatureNetwork, export_features
from overread.training.small_network import SmallNetwork
from overread.training.weights import find_weights


def test_timm_knows_the_network_by_its_name() -> None:
    network = timm.create_model("overread_small", num_classes=0, img_size=28)
    assert isinstance(network, SmallNetwork)
    weights = sum(parameter.numel() for parameter in network.parameters())
    assert 300_000 <= weights <= 800_000


@pytest.mark.parametrize(("side", "grid"), [(28, 7), (40, 10), (50, 7), (64, 8)])
def test_every_side_ends_in_a_map_of_seven_to_ten_places(side: int, grid: int) -> None:
    opened = open_backbone(find_weights("small", "imagenet"), image_size=side, taps="stages", seed=0)
    assert opened.module.grid == (grid, grid)
    assert opened.module.channels == 24 + 24 + 48 + 96


def test_the_last_map_alone_is_that_of_the_stages() -> None:
    images = torch.randn(2, 3, 28, 28)
    whole, last = (
        open_backbone(find_weights("small", "none"), image_size=28, taps=taps, seed=1).module
        for taps in ("stages", "last")
    )
    with torch.no_grad():
        assert torch.equal(whole(images)[-1], last(images)[0])


def test_a_residual_branch_begins_as_nothing() -> None:
    network = SmallNetwork().eval()
    block = network.layer1[1]
    images = torch.rand(1, 24, 8, 8)
    with torch.no_grad():
        assert torch.equal(block(images), images)


def test_chosen_stages_come_in_their_order() -> None:
    network = SmallNetwork().eval()
    images = torch.randn(1, 3, 28, 28)
    with torch.no_grad():
        every = network.forward_intermediates(images, intermediates_only=True)
        some = network.forward_intermediates(images, indices=[1, -1], intermediates_only=True)
        top, _ = network.forward_intermediates(images, indices=1)
    assert [tuple(found.shape[1:]) for found in every] == [
        (24, 28, 28),
        (24, 28, 28),
        (48, 14, 14),
        (96, 7, 7),
    ]
    assert torch.equal(some[0], every[1])
    assert torch.equal(some[1], every[3])
    assert torch.equal(top, every[3])


@pytest.mark.parametrize("side", [28, 50])
def test_onnx_says_what_torch_says(side: int, tmp_path: Path) -> None:
    module = open_backbone(find_weights("small", "none"), image_size=side, taps="stages", seed=2).module
    rng = np.random.default_rng(0)
    images = rng.normal(size=(3, 3, side, side)).astype(np.float32)
    session = ort.InferenceSession(export_features(module, image_size=side))
    with torch.no_grad():
        expected = FeatureNetwork(module)(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(session.run(None, {"input": images})[0], expected, atol=1e-5)
