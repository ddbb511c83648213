"""Every named backbone is built, truncated, exported with saliency and says in onnxruntime what torch says.

Scores agree to 1e-5; features, saliency and novelty to 1e-4 of 1 + their size.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from overread.bundle import check_parity
from overread.bundle.network import Network
from overread.errors import TrainingError
from overread.training.backbones import Taps, open_backbone
from overread.training.network import (
    BundledNetwork,
    LinearHead,
    ReaderNetwork,
    export_features,
    export_reader,
    reference_answers,
)
from overread.training.novelty import fit_density
from overread.training.weights import find_weights
from tests.training.made import tiny_backbone

SLOW = pytest.mark.slow
EXHAUSTIVE = [SLOW, pytest.mark.exhaustive]
"""Another network of a family that is tested anyway: `make exhaustive`."""
NETWORKS: list[tuple[str, int, Taps]] = [
    ("vgg16", 64, "stages"),
    ("resnet50", 64, "stages"),
    ("inception_v3", 75, "stages"),
    ("xception", 75, "stages"),
    ("densenet121", 64, "stages"),
    ("mobilenetv2_100", 65, "stages"),
    ("vit_small_patch16_224", 64, "stages"),
]
MORE: list[tuple[str, int, Taps]] = [
    ("convnext_tiny", 64, "stages"),
    ("xception41", 75, "last"),
    ("mobilenetv2_100", 65, "last"),
    ("mobilenetv3_large_100", 65, "stages"),
    ("mobilenetv3_small_100", 65, "last"),
    ("efficientnet_b0", 65, "last"),
    ("vit_small_patch16_224", 81, "last"),
    ("beit_base_patch16_224", 64, "last"),
]


def bundled(name: str, size: int, taps: Taps = "stages", **more: object) -> tuple[BundledNetwork, np.ndarray]:
    """A reader with random weights and a head whose logits are of the usual size, and images for it."""
    opened = open_backbone(find_weights(name, "none"), image_size=size, taps=taps, seed=0, **more)  # type: ignore[arg-type]
    backbone, rng = opened.module, np.random.default_rng(0)
    images = rng.normal(size=(2, 3, opened.image_size, opened.image_size)).astype(np.float32)
    with torch.no_grad():
        features = backbone.pooled(backbone(torch.from_numpy(images))).numpy()
    spread = 1 / (features.std() * np.sqrt(backbone.channels))
    density = fit_density(features.mean(0) + rng.normal(size=(12, backbone.channels)) * features.std())
    weight = rng.normal(0, spread, (2, backbone.channels))
    head = LinearHead(weight, -weight @ features.mean(0))
    network = BundledNetwork(
        ReaderNetwork(backbone, head),
        task="multilabel",
        slope=(1.0, 2.0),
        intercept=(0.5, 0.0),
        density=density,
    )
    return network, images


@pytest.mark.parametrize(
    ("name", "size", "taps"),
    [
        *(pytest.param(*network, marks=SLOW) for network in NETWORKS),
        *(pytest.param(*network, marks=EXHAUSTIVE) for network in MORE),
    ],
)
def test_a_named_backbone_says_in_onnxruntime_what_it_says_in_torch(name: str, size: int, taps: Taps) -> None:
    network, images = bundled(name, size, taps)
    exported = export_reader(network, image_size=size)
    assert check_parity(reference_answers(network), exported, images) <= 1e-4
    found, wanted = Network(exported)(images), reference_answers(network)(images)
    np.testing.assert_allclose(found.score, wanted["score"], atol=1e-5)
    assert found.saliency.shape == (2, 2, *network.backbone.grid)
    assert found.score.min() > 0.01
    assert found.score.max() < 0.99
    # The mean of a linear head's map over places is its logit.
    logit = np.log(found.score / (1 - found.score))
    expected = found.saliency.mean((2, 3)) * [1.0, 2.0] + [0.5, 0.0]
    np.testing.assert_allclose(logit, expected, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "size"),
    [("vgg16", 64), ("resnet50", 64), ("densenet121", 64), ("convnext_tiny", 64), ("inception_v3", 75)],
)
def test_the_last_stage_of_all_is_what_the_last_stage_alone_says(name: str, size: int) -> None:
    """So that one export tests both: with all stages these networks end as with the last one."""
    images = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(1))
    said = {}
    for taps in ("stages", "last"):
        backbone = open_backbone(find_weights(name, "none"), image_size=size, taps=taps, seed=0).module
        with torch.no_grad():
            said[taps] = backbone.pooled(backbone(images))
    assert torch.equal(said["stages"][:, -said["last"].shape[1] :], said["last"])
    assert said["stages"].shape[1] > said["last"].shape[1]


@pytest.mark.parametrize(
    ("name", "size", "more", "views"),
    [
        ("small", 48, (28,), 2),
        pytest.param("small", 48, (28,), 8, marks=EXHAUSTIVE),
        pytest.param("test_vit", 64, (32,), 4, marks=EXHAUSTIVE),
        pytest.param("mobilenetv2_100", 97, (65, 33), 2, marks=EXHAUSTIVE),
    ],
)
def test_sizes_and_views_are_packed_into_one_network(
    name: str, size: int, more: tuple[int, ...], views: int
) -> None:
    plain = export_features(bundled(name, size)[0].backbone, image_size=size)
    network, images = bundled(name, size, more_sizes=more, views=views)
    exported = export_reader(network, image_size=size)
    assert check_parity(reference_answers(network), exported, images) <= 1e-4
    # Weights are stored once; the rest is the head, the density and the matrices that make images smaller.
    extra = 4 * network.backbone.channels * (12 + 8) + 4 * size * sum(more) + 200_000
    assert len(exported) < len(plain) + extra


def test_a_network_that_cannot_be_written_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    backbone = tiny_backbone()
    monkeypatch.setattr(backbone, "pooled", lambda maps: torch.linalg.svdvals(maps[-1].flatten(2)))
    with pytest.raises(TrainingError, match="cannot be written as ONNX") as raised:
        export_features(backbone, image_size=32)
    assert "choose another backbone" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "size"), [("legacy_xception", 75), pytest.param("inception_v3", 75, marks=SLOW)]
)
def test_random_weights_give_features_that_float32_can_hold(name: str, size: int) -> None:
    backbone = open_backbone(find_weights(name, "none"), image_size=size, taps="last", seed=0).module
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        features = backbone.pooled(backbone(images))
        exact = backbone.double().pooled(backbone(images.double()))
    assert 1e-2 < features.abs().max() < 1e2
    assert (features - exact).abs().max() < 1e-5
