from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest
import torch
from torch import nn

from overread.training.ensemble import EnsembleBackbone, SlicedHead, join_members, plan_members
from overread.training.network import (
    BundledNetwork,
    FeatureNetwork,
    LinearHead,
    MLPHead,
    ReaderNetwork,
    export_reader,
)
from overread.training.novelty import fit_density
from overread.training.reader import LabelledRows
from tests.training.made import SIZE, tiny_backbone

IMAGES = torch.rand(5, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))


def member(seed: int, *, mlp: bool = False) -> ReaderNetwork:
    backbone = tiny_backbone()
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in backbone.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    head: nn.Module = nn.Identity()
    if mlp:
        head = MLPHead(np.zeros(backbone.channels), np.ones(backbone.channels), 2)
    else:
        rng = np.random.default_rng(seed)
        head = LinearHead(rng.normal(size=(2, backbone.channels)), rng.normal(size=2))
    return ReaderNetwork(backbone, head).eval()


@pytest.mark.parametrize("mlp", [False, True])
def test_the_joined_networks_logits_and_saliency_are_the_means(mlp: bool) -> None:
    members = [member(seed, mlp=mlp) for seed in range(3)]
    joined = join_members(members)
    assert isinstance(joined.head, SlicedHead if mlp else LinearHead)
    with torch.no_grad():
        expected = torch.stack([one(IMAGES) for one in members]).mean(0)
        torch.testing.assert_close(joined(IMAGES), expected, rtol=1e-4, atol=1e-5)
    maps = {}
    for name, network in {"joined": joined, **{str(i): one for i, one in enumerate(members)}}.items():
        features = np.random.default_rng(0).normal(size=(20, network.backbone.channels))
        bundled = BundledNetwork(
            network, task="multilabel", slope=(1.0,), intercept=(0.0,), density=fit_density(features)
        )
        with torch.no_grad():
            maps[name] = bundled(IMAGES)[2]
    mean = torch.stack([maps[str(index)] for index in range(3)]).mean(0)
    torch.testing.assert_close(maps["joined"], mean, rtol=1e-4, atol=1e-5)


def test_features_stand_one_networks_behind_the_other() -> None:
    members = [member(seed) for seed in range(2)]
    backbone = EnsembleBackbone([one.backbone for one in members])
    with torch.no_grad():
        features = FeatureNetwork(backbone)(IMAGES)
        for part, one in zip(features.chunk(2, 1), members, strict=True):
            torch.testing.assert_close(part, FeatureNetwork(one.backbone)(IMAGES))
        maps = backbone(IMAGES)
        torch.testing.assert_close(backbone.places(maps).mean((2, 3)), features, rtol=1e-4, atol=1e-5)
    assert backbone.channels == features.shape[1]
    assert backbone.grid == members[0].backbone.grid


def test_the_packed_ensemble_says_what_torch_says() -> None:
    joined = join_members([member(seed) for seed in range(2)])
    density = fit_density(np.random.default_rng(0).normal(size=(20, joined.backbone.channels)))
    bundled = BundledNetwork(
        joined, task="multilabel", slope=(1.0, 2.0), intercept=(0.0, 1.0), density=density
    ).eval()
    session = ort.InferenceSession(export_reader(bundled, image_size=SIZE))
    with torch.no_grad():
        expected = bundled(IMAGES)
    for name, value in zip(("score", "features", "saliency", "novelty"), expected, strict=True):
        (found,) = session.run([name], {"input": IMAGES.numpy()})
        np.testing.assert_allclose(found, value.numpy(), rtol=1e-4, atol=1e-5)


def test_one_network_stays_what_it_is() -> None:
    alone = member(0)
    assert join_members([alone]) is alone


def rows(count: int = 40) -> LabelledRows:
    rng = np.random.default_rng(0)
    split = np.array(["train"] * (count // 2) + ["tune"] * (count // 4) + ["test"] * (count - 3 * count // 4))
    targets = (np.arange(count) // 2 % 2)[:, None].astype(float)
    # Two images a patient.
    return LabelledRows([str(i) for i in rng.permutation(count)], targets, np.arange(count) // 2, split)


def test_one_network_learns_from_train_and_stops_by_tune() -> None:
    (only,) = plan_members(rows(), task="binary", count=1, seed=0)
    np.testing.assert_array_equal(only.learns, np.arange(20))
    np.testing.assert_array_equal(only.left_out, np.arange(20, 30))


def test_each_image_of_train_and_tune_is_left_out_once_with_its_whole_patient() -> None:
    known = rows()
    members = plan_members(known, task="binary", count=3, seed=0)
    assert len(members) == 3
    np.testing.assert_array_equal(np.sort(np.concatenate([one.left_out for one in members])), np.arange(30))
    for one in members:
        assert not set(known.groups[one.learns]) & set(known.groups[one.left_out])
        assert len(one.learns) + len(one.left_out) == 30
        assert set(known.targets[one.left_out, 0]) == {0.0, 1.0}
