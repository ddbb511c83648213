from __future__ import annotations

import numpy as np
import onnx
import pytest

from overread.bundle.network import Network
from overread.errors import BundleError
from tests.bundle.conftest import SIZE, make_draft, network_bytes, network_model


def test_batch_equals_one_by_one_bit_for_bit() -> None:
    network = Network(network_bytes(), manifest=make_draft())
    inputs = np.random.default_rng(1).normal(0, 1, (9, 3, SIZE, SIZE)).astype(np.float32)
    together = network(inputs)
    for index in range(9):
        alone = network(inputs[index : index + 1])
        for whole, single in zip(together, alone, strict=True):
            np.testing.assert_array_equal(whole[index], single[0])


def test_outputs_have_their_shapes() -> None:
    output = Network(network_bytes(2))(np.ones((5, 3, SIZE, SIZE), np.float32))
    assert output.score.shape == (5, 2)
    assert output.features.shape == (5, 4)
    assert output.saliency.shape == (5, 2, 11, 11)
    assert output.novelty.shape == (5,)


@pytest.mark.parametrize("output", ["score", "features", "saliency", "novelty"])
def test_missing_output_is_refused(output: str) -> None:
    model = network_model()
    kept = [item for item in model.graph.output if item.name != output]
    del model.graph.output[:]
    model.graph.output.extend(kept)
    with pytest.raises(BundleError, match="expected the input 'input' and the outputs"):
        Network(model.SerializeToString(), manifest=make_draft())


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (network_bytes(2), r"expected 'score' of shape any × 1, got \['n', 2\]"),
        (network_bytes(size=32), rf"expected 'input' of shape any × 3 × {SIZE} × {SIZE}"),
    ],
)
def test_network_of_another_shape_is_refused(network: bytes, message: str) -> None:
    with pytest.raises(BundleError, match=message) as caught:
        Network(network, manifest=make_draft())
    assert "bundle 'skin@1.0.0', file 'network.onnx'" in str(caught.value)


def test_network_that_onnxruntime_cannot_run_is_refused() -> None:
    model = onnx.helper.make_model(
        onnx.helper.make_graph([onnx.helper.make_node("NoSuchOperator", ["input"], ["score"])], "g", [], [])
    )
    with pytest.raises(BundleError, match="onnxruntime cannot run it"):
        Network(model.SerializeToString(), manifest=make_draft())


def test_no_image_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one image"):
        Network(network_bytes())(np.zeros((0, 3, SIZE, SIZE), np.float32))
