"""A small network of the layers that the browser's kernels know."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDES = (3, 13, 10)


def made_network(*, seed: int = 0, extra: tuple[onnx.NodeProto, ...] = (), metadata: bool = False) -> bytes:
    """Bytes of a network; `extra` nodes come before the last convolution, reading and making "e"."""
    rng = np.random.default_rng(seed)
    constants: list[onnx.TensorProto] = []

    def constant(name: str, *shape: int) -> str:
        constants.append(numpy_helper.from_array(rng.normal(size=shape).astype(np.float32), name))
        return name

    def convolve(given: str, made: str, outputs: int, each: int, **said: int) -> onnx.NodeProto:
        size = said.get("size", 1)
        names = [
            given,
            constant(f"{made}.weight", outputs, each, size, size),
            constant(f"{made}.bias", outputs),
        ]
        return helper.make_node(
            "Conv",
            names,
            [made],
            kernel_shape=[size, size],
            strides=[said.get("stride", 1)] * 2,
            pads=[size // 2] * 4,
            group=said.get("group", 1),
        )

    for name, value in (("zero", 0.0), ("six", 6.0)):
        constants.append(numpy_helper.from_array(np.array(value, np.float32), name))
    nodes = [
        convolve("input", "a", 8, 3, size=3, stride=2),
        helper.make_node("Clip", ["a", "zero", "six"], ["a6"]),
        convolve("a6", "b", 8, 1, size=3, group=8),
        helper.make_node("Relu", ["b"], ["b0"]),
        convolve("b0", "c", 16, 8),
        convolve("c", "d", 16, 16),
        helper.make_node("Add", ["d", "c"], ["e"]),
        *extra,
        convolve("e", "f", 16, 1, size=3, stride=2, group=16),
        convolve("f", "g", 8, 16),
    ]
    nodes += [
        helper.make_node("GlobalAveragePool", ["c"], ["pooled_c"]),
        helper.make_node("GlobalAveragePool", ["g"], ["pooled_g"]),
        helper.make_node("Concat", ["pooled_c", "pooled_g"], ["pooled"], axis=1),
        helper.make_node("Flatten", ["pooled"], ["features"]),
        helper.make_node("MatMul", ["features", constant("head", 24, 40)], ["hidden"]),
        helper.make_node("MatMul", ["hidden", constant("last", 40, 2)], ["logits"]),
    ]
    inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, ("batch", *SIDES))]
    if metadata:
        inputs.append(helper.make_tensor_value_info("metadata", TensorProto.FLOAT, ("batch", 2)))
        nodes.append(helper.make_node("Add", ["logits", "metadata"], ["told"]))
    nodes.append(helper.make_node("Sigmoid", ["told" if metadata else "logits"], ["score"]))
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ("batch", width))
               for name, width in (("score", 2), ("features", 24))]  # fmt: skip
    graph = helper.make_graph(nodes, "made", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))
