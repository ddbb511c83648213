from __future__ import annotations

from typing import get_args

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from overread.bundle.network import OUTPUTS, Network
from overread.bundle.shrink import (
    FEW_NUMBERS,
    Storage,
    ends_in_sigmoid_or_softmax,
    quantise,
    remap_score,
    shrink,
)
from tests.bundle.conftest import SIZE, network_bytes
from tests.reader_model import reader_model


@pytest.fixture
def shrinks_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Integers for weights of a few numbers, too."""
    monkeypatch.setattr("overread.bundle.shrink.FEW_NUMBERS", 0)


def wide_network(*, shared: bool = False, last: str = "Sigmoid") -> bytes:
    """Weights of every kind that is stored small, and what must not be."""
    rng = np.random.default_rng(0)
    constants = {
        "kernel": rng.normal(0, 0.2, (32, 3, 3, 3)) * rng.uniform(0.01, 5, (32, 1, 1, 1)),
        "depthwise": rng.normal(0, 0.3, (512, 1, 3, 3)),
        "widen": rng.normal(0, 0.2, (512, 32, 1, 1)),
        "turned": rng.normal(0, 0.1, (64, 512)),
        "straight": rng.normal(0, 0.1, (64, 48)),
        "product": rng.normal(0, 0.1, (48, 64)) * rng.uniform(0.01, 5, (1, 64)),
        "head": rng.normal(0, 0.02, (2, 64)),
        "basis": rng.normal(0, 0.1, (64, 40)),
        "bias": rng.normal(0, 0.2, 2),
        "map_head": rng.normal(0, 0.2, (2, 512, 1, 1)),
    }
    nodes = [
        helper.make_node("Conv", ["input", "kernel"], ["a"], strides=[2, 2]),
        helper.make_node("Conv", ["a", "widen"], ["b"]),
        helper.make_node("Conv", ["b", "depthwise"], ["c"], group=512),
        helper.make_node("Relu", ["c"], ["maps"]),
        helper.make_node("ReduceMean", ["maps", "space"], ["d"], keepdims=0),
        helper.make_node("Gemm", ["d", "turned"], ["e"], transB=1),
        helper.make_node("Gemm", ["e", "straight"], ["f"]),
        helper.make_node("MatMul", ["f", "product"], ["features"]),
        helper.make_node("Gemm", ["features", "head", "bias"], ["logit"], transB=1),
        helper.make_node(last, ["logit"], ["score"]),
        helper.make_node("Conv", ["maps", "map_head"], ["saliency"]),
        helper.make_node("MatMul", ["features", "basis"], ["along"]),
        helper.make_node("ReduceL2", ["along", "last"], ["novelty"], keepdims=0),
    ]
    if shared:  # a weight that something else takes too is no weight alone
        nodes[6:8] = [
            helper.make_node("Gemm", ["e", "straight"], ["f"]),
            helper.make_node("ReduceMax", ["straight"], ["largest"]),
            helper.make_node("MatMul", ["f", "product"], ["g"]),
            helper.make_node("Add", ["g", "largest"], ["features"]),
        ]
    initializers = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in constants.items()]
    initializers += [
        numpy_helper.from_array(np.array([2, 3]), "space"),
        numpy_helper.from_array(np.array([1]), "last"),
    ]
    outputs = {"score": ["n", 2], "features": ["n", 64], "saliency": ["n", 2, "h", "w"], "novelty": ["n"]}
    return bytes(reader_model(nodes, initializers, outputs=outputs, size=SIZE).SerializeToString())


def constants_of(model: bytes) -> dict[str, np.ndarray]:
    graph = onnx.load_model_from_string(model).graph
    return {one.name: numpy_helper.to_array(one) for one in graph.initializer}


def inputs(count: int = 3) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(count, 3, SIZE, SIZE)).astype(np.float32)


def plain(model: bytes) -> bytes:
    """The same network with its stored weights multiplied out by numpy: the oracle for the runtime."""
    proto = onnx.load_model_from_string(model)
    found = constants_of(model)
    stored = {name.removesuffix(".stored") for name in found if name.endswith(".stored")}
    made = {
        name: found[f"{name}.stored"].astype(np.float32) * found.get(f"{name}.scales", np.float32(1))
        for name in stored
    }
    kept = [one for one in proto.graph.initializer if one.name.rpartition(".")[0] not in stored]
    nodes = [node for node in proto.graph.node if node.output[0].removesuffix(".whole") not in stored]
    del proto.graph.initializer[:], proto.graph.node[:]
    proto.graph.initializer.extend([*kept, *(numpy_helper.from_array(v, k) for k, v in made.items())])
    proto.graph.node.extend(nodes)
    return bytes(proto.SerializeToString())


SMALL = {"widen", "depthwise", "turned", "straight", "product"}


@pytest.mark.usefixtures("shrinks_few")
@pytest.mark.parametrize("storage", ["int8", "int10", "fp16"])
def test_large_weights_are_stored_small_and_nothing_else(storage: Storage) -> None:
    whole, small = constants_of(wide_network()), constants_of(shrink(wide_network(), storage=storage))
    stored = {name.removesuffix(".stored") for name in small if name.endswith(".stored")}
    # The heads are small, only novelty is made of the basis, and 16 bits of a small one save little.
    more = {"int8": {"kernel", "map_head"}, "int10": set(), "fp16": {"map_head"}}
    assert stored == SMALL | more[storage]
    for name in set(whole) - stored:
        np.testing.assert_array_equal(small[name], whole[name])
    kinds = {"int8": np.int8, "int10": np.int16, "fp16": np.float16}
    assert {small[f"{name}.stored"].dtype for name in stored} == {np.dtype(kinds[storage])}


@pytest.mark.usefixtures("shrinks_few")
@pytest.mark.parametrize(("storage", "levels"), [("int8", 127), ("int10", 511)])
def test_every_integer_weight_is_within_half_a_scale_of_its_output_channel(
    storage: Storage, levels: int
) -> None:
    whole, small = constants_of(wide_network()), constants_of(shrink(wide_network(), storage=storage))
    axes = {"widen": 0, "depthwise": 0, "turned": 0, "straight": 1, "product": 1}
    for name, axis in axes.items():
        values, scales = small[f"{name}.stored"].astype(np.float64), small[f"{name}.scales"]
        shape = [1] * values.ndim
        shape[axis] = values.shape[axis]
        assert list(scales.shape) == shape, name
        assert (np.abs(values * scales - whole[name]) <= scales * 0.5001).all(), name
        assert np.abs(values).max() == levels


def test_every_fp16_weight_is_the_nearest_half() -> None:
    whole, small = constants_of(wide_network()), constants_of(shrink(wide_network(), storage="fp16"))
    for name in SMALL:
        np.testing.assert_array_equal(small[f"{name}.stored"], whole[name].astype(np.float16))


@pytest.mark.usefixtures("shrinks_few")
@pytest.mark.parametrize("storage", ["int8", "int10", "fp16"])
def test_the_runtime_multiplies_out_what_is_stored(storage: Storage) -> None:
    small = shrink(wide_network(), storage=storage)
    onnx.checker.check_model(onnx.load_model_from_string(small), full_check=True)
    found, wanted = Network(small)(inputs()), Network(plain(small))(inputs())
    for name in OUTPUTS:
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), atol=1e-6, rtol=1e-5)


def test_int10_keeps_weights_of_few_numbers_in_fp16() -> None:
    small = constants_of(shrink(wide_network(), storage="int10"))
    kinds = {name: small[f"{name}.stored"].dtype for name in ("widen", "turned", "depthwise", "product")}
    assert kinds == {"widen": np.int16, "turned": np.int16, "depthwise": np.float16, "product": np.float16}
    assert small["depthwise.stored"].size < FEW_NUMBERS <= small["widen.stored"].size


@pytest.mark.usefixtures("shrinks_few")
def test_int8_stays_near_int10_nearer_and_fp16_nearest() -> None:
    whole = Network(wide_network())(inputs())
    gaps = {
        storage: np.abs(Network(shrink(wide_network(), storage=storage))(inputs()).score - whole.score).max()
        for storage in get_args(Storage)
    }
    assert 0 < gaps["fp16"] < gaps["int10"] < gaps["int8"] < 0.05


def test_a_weight_that_something_else_takes_too_stays() -> None:
    small = constants_of(shrink(wide_network(shared=True), storage="int8"))
    assert "straight.stored" not in small
    assert "product.stored" in small


def test_a_weight_beyond_what_fp16_can_hold_stays() -> None:
    model = onnx.load_model_from_string(wide_network())
    [widen] = [one for one in model.graph.initializer if one.name == "widen"]
    values = numpy_helper.to_array(widen).copy()
    values[0, 0] = 1e5
    widen.CopyFrom(numpy_helper.from_array(values, "widen"))
    small = constants_of(shrink(model.SerializeToString(), storage="fp16"))
    assert "widen.stored" not in small
    assert "turned.stored" in small


def test_a_network_too_small_to_save_is_left_as_it_is() -> None:
    assert (
        constants_of(shrink(network_bytes(), storage="int8")).keys() == constants_of(network_bytes()).keys()
    )


def test_the_same_network_gives_the_same_bytes() -> None:
    assert shrink(wide_network(), storage="int8") == shrink(wide_network(), storage="int8")


def test_a_channel_of_zeros_stays_zero() -> None:
    values = np.array([[0.0, 0.0], [1.0, -2.0]], np.float32)
    multiples, scales = quantise(values, axis=0)
    np.testing.assert_array_equal(multiples, [[0, 0], [64, -127]])
    assert scales.shape == (2, 1)
    assert np.isfinite(scales).all()


def test_a_score_is_stretched_and_shifted_before_its_sigmoid() -> None:
    whole = Network(wide_network())(inputs()).score.astype(np.float64)
    logits = np.log(whole) - np.log1p(-whole)
    model = remap_score(wide_network(), slope=(2.0, 0.5), intercept=(0.1, -1.0))
    onnx.checker.check_model(onnx.load_model_from_string(model), full_check=True)
    wanted = 1 / (1 + np.exp(-(logits * [2.0, 0.5] + [0.1, -1.0])))
    np.testing.assert_allclose(Network(model)(inputs()).score, wanted, atol=1e-5)


def test_a_score_is_stretched_before_its_softmax() -> None:
    made = wide_network(last="Softmax")
    whole = Network(made)(inputs()).score.astype(np.float64)
    wanted = whole**3 / (whole**3).sum(1, keepdims=True)
    model = remap_score(made, slope=(3.0,), intercept=(0.0,))
    np.testing.assert_allclose(Network(model)(inputs()).score, wanted, atol=1e-5)


def test_a_score_that_ends_otherwise_cannot_be_stretched() -> None:
    model = wide_network(last="HardSigmoid")
    assert not ends_in_sigmoid_or_softmax(model)
    assert ends_in_sigmoid_or_softmax(wide_network())
    with pytest.raises(ValueError, match="sigmoid or a softmax"):
        remap_score(model, slope=(1.0,), intercept=(0.0,))
