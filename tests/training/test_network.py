from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from overread.bundle import check_parity
from overread.bundle.network import Network
from overread.imaging import GraphRunner
from overread.training.network import (
    BundledNetwork,
    FocalHead,
    LinearHead,
    MeanHead,
    MLPHead,
    ReaderNetwork,
    Task,
    export_features,
    export_reader,
    reference_answers,
)
from overread.training.novelty import fit_density
from tests.training.made import SIZE, backbone, tiny_backbone

KINDS: list[tuple[Task, int, str]] = [
    ("binary", 1, "linear"),
    ("binary", 1, "mlp"),
    ("multiclass", 3, "linear"),
    ("multilabel", 3, "mlp"),
    ("multiclass", 3, "focal"),
    ("binary", 1, "focal"),
]


def make_head(kind: str, width: int, outputs: int) -> nn.Module:
    rng = np.random.default_rng(0)
    if kind == "linear":
        return LinearHead(rng.normal(0, 0.3, (outputs, width)), rng.normal(size=outputs))
    if kind == "focal":
        task: Task = "multiclass" if outputs > 1 else "binary"
        return FocalHead(make_head("linear", width, outputs), task=task, gamma=2.0)
    torch.manual_seed(0)
    return MeanHead([MLPHead(rng.normal(size=width), rng.uniform(0.5, 2, width), outputs) for _ in range(2)])


def bundled(task: Task = "binary", outputs: int = 1, kind: str = "linear", **changes: Any) -> BundledNetwork:
    module = tiny_backbone()
    rng = np.random.default_rng(1)
    slopes = 1 if task == "multiclass" else outputs
    given: dict[str, Any] = {
        "slope": tuple(rng.uniform(0.5, 2, slopes)),
        "intercept": (0.0,) if task == "multiclass" else tuple(rng.normal(size=outputs)),
        "density": fit_density(rng.normal(size=(30, module.channels))),
        **changes,
    }
    return BundledNetwork(
        ReaderNetwork(module, make_head(kind, module.channels, outputs)), task=task, **given
    )


@cache
def exported_network(task: Task = "binary", outputs: int = 1, kind: str = "linear") -> bytes:
    return export_reader(bundled(task, outputs, kind), image_size=SIZE)


def images(count: int = 3) -> np.ndarray:
    return np.random.default_rng(2).normal(size=(count, 3, SIZE, SIZE)).astype(np.float32)


@pytest.mark.parametrize(("task", "outputs", "kind"), KINDS)
def test_the_exported_network_says_what_torch_says(task: Task, outputs: int, kind: str) -> None:
    network = bundled(task, outputs, kind)
    exported = exported_network(task, outputs, kind)
    onnx.checker.check_model(onnx.load_from_string(exported), full_check=True)
    assert check_parity(reference_answers(network), exported, images()) <= 1e-4

    answers = Network(exported)
    together = answers(images())._asdict()
    for index in range(3):
        alone = answers(images()[index : index + 1])._asdict()
        for name, value in together.items():
            np.testing.assert_allclose(alone[name][0], value[index], rtol=1e-5, atol=1e-5)


def test_the_exported_bytes_are_the_same_twice_and_name_no_file_of_this_machine() -> None:
    first, second = exported_network(), export_reader(bundled("binary", 1, "linear"), image_size=SIZE)
    assert first == second
    assert b".py" not in first
    assert b"/work" not in first


def test_exported_features_are_the_backbones_pooled_maps() -> None:
    module = backbone("test_efficientnet")
    exported = export_features(module, image_size=SIZE)
    with torch.no_grad():
        expected = module.pooled(module(torch.from_numpy(images()))).numpy()
    np.testing.assert_allclose(GraphRunner(exported)(images()), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("task", "outputs"), [("binary", 1), ("multiclass", 3), ("multilabel", 3)])
def test_scores_are_calibrated_logits(task: Task, outputs: int) -> None:
    network = bundled(task, outputs)
    answers = reference_answers(network)(images())
    with torch.no_grad():
        logits = network.head(torch.from_numpy(answers["features"])).numpy().astype(np.float64)
    scaled = logits * network.slope.numpy() + network.intercept.numpy()
    if task == "multiclass":
        expected = np.exp(scaled) / np.exp(scaled).sum(1, keepdims=True)
        np.testing.assert_allclose(answers["score"].sum(1), 1, rtol=1e-5)
    else:
        expected = 1 / (1 + np.exp(-scaled))
    np.testing.assert_allclose(answers["score"], expected, rtol=1e-4)


def test_the_saliency_of_a_linear_head_averages_to_its_logit() -> None:
    network = bundled("multiclass", 3)
    answers = reference_answers(network)(images())
    with torch.no_grad():
        logits = network.head(torch.from_numpy(answers["features"])).numpy()
    assert answers["saliency"].shape == (3, 3, *network.backbone.grid)
    np.testing.assert_allclose(answers["saliency"].mean((2, 3)), logits, rtol=1e-4, atol=1e-4)


def test_the_networks_novelty_is_the_densitys() -> None:
    density = fit_density(np.random.default_rng(1).normal(size=(30, tiny_backbone().channels)), components=4)
    answers = reference_answers(bundled(density=density))(images())
    np.testing.assert_allclose(answers["novelty"], density.novelty(answers["features"]), rtol=1e-4)
