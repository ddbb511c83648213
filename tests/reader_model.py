"""A made network as a bundle wants it: one picture in, its named outputs out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx
from onnx import TensorProto, helper

Shape = Sequence[str | int]


def reader_model(
    nodes: Sequence[onnx.NodeProto],
    constants: Sequence[onnx.TensorProto],
    *,
    outputs: Mapping[str, Shape],
    size: int,
) -> onnx.ModelProto:
    """`outputs`: the shape of each by its name; the input is float32 [n, 3, size, size]."""
    graph = helper.make_graph(
        nodes,
        "reader",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, size, size])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
