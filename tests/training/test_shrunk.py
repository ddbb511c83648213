from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from overread.bundle.network import OUTPUTS, Network
from overread.bundle.shrink import LEAST_SAVED, Storage, quantise, shrink
from overread.training.network import BundledNetwork, export_reader, reference_answers
from overread.training.novelty import fit_density
from tests.training.made import SIZE, reader

RNG = np.random.default_rng(0)


def bundled(name: str) -> BundledNetwork:
    network = reader(name)
    density = fit_density(RNG.normal(size=(200, network.backbone.channels)))
    return BundledNetwork(network, task="binary", slope=(1.3,), intercept=(-0.2,), density=density)


def images(count: int = 3) -> np.ndarray:
    return RNG.normal(size=(count, 3, SIZE, SIZE)).astype(np.float32)


@pytest.fixture(scope="module")
def mobilenet() -> bytes:
    return export_reader(bundled("mobilenetv2_100"), image_size=SIZE)


@pytest.mark.parametrize(("storage", "most"), [("int8", 0.4), ("fp16", 0.6)])
def test_mobilenet_is_stored_in_less_than_half(storage: Storage, most: float, mobilenet: bytes) -> None:
    small = shrink(mobilenet, storage=storage)
    onnx.checker.check_model(onnx.load_model_from_string(small), full_check=True)
    assert len(small) < most * len(mobilenet)
    assert [one.name for one in onnx.load_model_from_string(small).graph.output] == list(OUTPUTS)


@pytest.mark.parametrize("storage", ["int8", "fp16"])
def test_onnxruntime_says_what_torch_says_with_the_stored_weights(storage: Storage) -> None:
    network = bundled("test_convnext")  # without batch norms, which the exporter would fold into the weights
    small = shrink(export_reader(network, image_size=SIZE), storage=storage)
    given = images()
    before = reference_answers(network)(given)
    with torch.no_grad():
        for module in network.backbone.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                module.weight.copy_(torch.from_numpy(as_stored(module.weight.numpy(), storage)))
    wanted, found = reference_answers(network)(given), Network(small)(given)
    for output in OUTPUTS:
        deviation = np.abs(getattr(found, output) - wanted[output]) / (1 + np.abs(wanted[output]))
        assert deviation.max() <= 1e-5, output
    assert np.abs(before["features"] - wanted["features"]).max() > 1e-5


def as_stored(values: np.ndarray, storage: Storage) -> np.ndarray:
    if storage == "fp16":
        small = values.astype(np.float16)
        return small.astype(np.float32) if values.nbytes - small.nbytes >= LEAST_SAVED else values
    multiples, scales = quantise(values, axis=0)
    if values.nbytes - multiples.nbytes - scales.nbytes < LEAST_SAVED:
        return values
    return multiples * scales
