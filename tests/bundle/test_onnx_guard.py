from __future__ import annotations

from contextlib import suppress

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from overread.bundle.onnx_guard import refuse_external_data
from overread.errors import BundleError
from tests.bundle.conftest import network_bytes, network_model


def external_tensor() -> TensorProto:
    tensor = TensorProto(name="secret", data_type=TensorProto.FLOAT, dims=[4])
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    return tensor


def branch(tensor: TensorProto) -> onnx.GraphProto:
    return helper.make_graph([helper.make_node("Constant", [], ["c"], value=tensor)], "branch", [], [])


def in_initializer(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(external_tensor())


def in_constant(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=external_tensor()))


def in_branch(model: onnx.ModelProto) -> None:
    node = helper.make_node("If", ["x"], ["y"], then_branch=branch(external_tensor()))
    model.graph.node.append(node)


def in_function(model: onnx.ModelProto) -> None:
    node = helper.make_node("Constant", [], ["c"], value=external_tensor())
    model.functions.append(helper.make_function("d", "f", [], ["c"], [node], [helper.make_opsetid("", 20)]))


def in_list_of_branches(model: onnx.ModelProto) -> None:
    node = model.graph.node.add(op_type="Custom")
    node.attribute.add(name="graphs", type=onnx.AttributeProto.GRAPHS).graphs.append(
        branch(external_tensor())
    )


def in_list_of_tensors(model: onnx.ModelProto) -> None:
    node = model.graph.node.add(op_type="Custom")
    node.attribute.add(name="tensors", type=onnx.AttributeProto.TENSORS).tensors.append(external_tensor())


def in_function_default(model: onnx.ModelProto) -> None:
    default = model.functions.add(name="f", domain="d").attribute_proto.add(name="a")
    default.t.CopyFrom(external_tensor())


def in_training(model: onnx.ModelProto) -> None:
    model.training_info.add().algorithm.initializer.append(external_tensor())


def in_sparse(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add().values.CopyFrom(external_tensor())


PLACES = [
    in_initializer,
    in_constant,
    in_branch,
    in_function,
    in_list_of_branches,
    in_list_of_tensors,
    in_function_default,
    in_training,
    in_sparse,
]


@pytest.mark.parametrize("place", PLACES)
def test_weights_in_another_file_are_found_wherever_they_hide(place: object) -> None:
    model = network_model()
    place(model)  # type: ignore[operator]
    with pytest.raises(BundleError, match=r"here: keeps weights in another file"):
        refuse_external_data(model.SerializeToString(), where="here")


def test_location_alone_is_enough() -> None:
    model = network_model()
    model.graph.initializer[0].external_data.add(key="location", value="x")
    with pytest.raises(BundleError, match="another file"):
        refuse_external_data(model.SerializeToString(), where="here")


def test_model_with_its_weights_inside_passes() -> None:
    model = network_model()
    model.graph.node.append(
        helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.ones(3), "v"))
    )
    refuse_external_data(model.SerializeToString(), where="here")


@pytest.mark.parametrize("content", [b"\x08", b"hello, this is text", b"\x00\x00", b"\xff" * 20, b"\x3a\x7f"])
def test_what_is_no_model_is_refused(content: bytes) -> None:
    with pytest.raises(BundleError, match="not an ONNX model"):
        refuse_external_data(content, where="here")


def test_endless_nesting_is_refused() -> None:
    message = b""
    for _ in range(200):  # a graph in an attribute in a node in a graph
        for key in (b"\x32", b"\x2a", b"\x0a"):
            message = key + _length(message) + message
    with pytest.raises(BundleError, match="not an ONNX model"):
        refuse_external_data(b"\x3a" + _length(message) + message, where="here")


@given(cut=st.integers(0, 2000), flip=st.integers(0, 255), position=st.integers(0, 2000))
def test_damaged_model_never_raises_anything_else(cut: int, flip: int, position: int) -> None:
    content = bytearray(network_bytes()[: 2000 - cut or None])
    if position < len(content):
        content[position] ^= flip
    with suppress(BundleError):
        refuse_external_data(bytes(content), where="here")


def _length(message: bytes) -> bytes:
    value, out = len(message), bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
