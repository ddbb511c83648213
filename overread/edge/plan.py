"""The convolutions that a network begins with, as a list of steps for the browser's own kernels.

onnxruntime's WASM has no kernel for depthwise convolutions and multiplies matrices at half the speed that
SIMD allows (docs/explanation/edge-speed.md). A plan names the weights by their place in the very network file
that Python reads; what follows the convolutions becomes a small ONNX file of its own. The browser's half of
this contract is web/src/reader/planned/plan.ts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    import onnx

PLAN_NAME, REST_NAME = "network.plan.json", "network.rest.onnx"

_BATCH = "batch"
_OUTPUT_LANES = 8  # Outputs that the kernel for 1x1 convolutions makes at once.
_CHANNEL_LANES = 4
_WORTH_FILLING = 256  # Bytes.

_Stored = Literal["float32", "float16", "int8", "int16"]
_STORED: dict[int, _Stored] = {
    1: "float32",
    10: "float16",
    3: "int8",
    5: "int16",
}  # By onnx.TensorProto's numbers.


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StoredWeight(_Part):
    """Where a weight lies in the network's file.

    Args:
        offset: Of its first byte.
        stored: The type in which it lies there.
        scales: Integers only: offset of its scales, float32, one an output channel.
    """

    offset: int = Field(ge=0)
    stored: _Stored
    scales: int | None = None


class Step(_Part):
    """One convolution, with what is added to it and the bounds that it is clipped to.

    Args:
        kind: 1x1; 3x3 of each channel by itself; or any square.
        source: A tensor: 0 is the input, step i makes i + 1.
        added: A tensor that is added.
        shape: Of what it makes: channels, height, width.
        size: Side of its square.
        stride: In pixels.
        top: Rows of zeros above.
        left: Columns of zeros before.
        weight: float32 [outputs, inputs, size, size].
        bias: Offset of float32 biases, one an output channel.
        low: Least value.
        high: Greatest value.
    """

    kind: Literal["pointwise", "depthwise", "dense"]
    source: int = Field(ge=0, serialization_alias="from")
    added: int | None = None
    shape: tuple[int, int, int]
    size: int
    stride: int
    top: int
    left: int
    weight: StoredWeight
    bias: int | None = None
    low: float | None = None
    high: float | None = None


class Plan(_Part):
    """The content of network.plan.json.

    Args:
        schema_version: Of this format.
        input: Channels, height, width.
        steps: In order.
        cuts: The rest's input → the tensor that it takes.
        filled: Places of the rest's file that hold zeros, and what belongs there: from which byte on, from
            which byte of the network's file on, how many bytes.
    """

    schema_version: Literal[1] = 1
    input: tuple[int, int, int]
    steps: tuple[Step, ...]
    cuts: dict[str, int]
    filled: tuple[tuple[int, int, int], ...] = ()

    def to_json(self) -> bytes:
        """As the browser reads it."""
        return (self.model_dump_json(by_alias=True) + "\n").encode()


def make_plan(network: bytes) -> tuple[Plan, bytes] | None:
    """Split a network into a plan and the rest.

    Args:
        network: Bytes of network.onnx or network.small.onnx.

    Returns:
        The plan and the rest's bytes; None where the network does more than Conv, Clip, Relu and Add before
        its last convolution, or convolves in a way that the kernels do not know.
    """
    import onnx

    graph = onnx.load_model_from_string(network).graph
    sides = _sides(graph.input[0])
    if sides is None:
        return None
    walk = _Walk(network, graph, sides)
    for node in graph.node:
        walk.take(node)
    rest = [node for node in graph.node if not walk.is_done(node)]
    if not walk.steps or any(node.op_type in {"Conv", "ConvTranspose"} for node in rest):
        return None
    ends = {one.name for one in graph.output}
    if ends & set(walk.tensors):
        return None
    rest = list(_needed(rest, ends))
    read = {name for node in rest for name in node.input}
    cuts = {name: tensor for name, tensor in walk.tensors.items() if name in read}
    if any(_shape(walk, tensor)[0] % _CHANNEL_LANES for tensor in cuts.values()):
        return None
    shapes = {name: _shape(walk, tensor) for name, tensor in cuts.items()}
    content, filled = _emptied(_rest(network, rest, shapes), network)
    return Plan(input=sides, steps=tuple(walk.steps), cuts=cuts, filled=filled), content


@dataclass
class _Walk:
    """What was understood of a graph so far."""

    network: bytes
    graph: onnx.GraphProto
    input: tuple[int, int, int]
    steps: list[Step] = field(default_factory=list)
    tensors: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.known = {one.name: one for one in self.graph.initializer}
        self.makers = {name: node for node in self.graph.node for name in node.output}
        self.uses = Counter(name for node in self.graph.node for name in node.input)
        self.uses.update(one.name for one in self.graph.output)
        self.done: set[str] = set()
        self.tensors[self.graph.input[0].name] = 0

    def take(self, node: onnx.NodeProto) -> None:
        """Make a step of a node, or part of the step before it, if it can be one."""
        if not node.input or node.domain not in {"", "ai.onnx"}:
            return
        if node.op_type == "Conv" and node.input[0] in self.tensors:
            step = self._convolution(node)
            if step is not None:
                self.steps.append(step)
                self._name(node, len(self.steps))
        elif node.op_type in {"Clip", "Relu"}:
            self._clip(node)
        elif node.op_type == "Add":
            self._add(node)

    def is_done(self, node: onnx.NodeProto) -> bool:
        return bool(node.output) and node.output[0] in self.done

    def _name(self, node: onnx.NodeProto, tensor: int) -> None:
        self.tensors[node.output[0]] = tensor
        self.done.add(node.output[0])

    def _open_step(self, name: str) -> Step | None:
        """The step that made a tensor, if nothing else takes it and it may still be changed."""
        tensor = self.tensors.get(name, 0)
        if tensor == 0 or self.uses[name] != 1:
            return None
        step = self.steps[tensor - 1]
        return step if step.low is None and step.high is None else None

    def _change(self, node: onnx.NodeProto, name: str, step: Step) -> None:
        tensor = self.tensors.pop(name)
        self.steps[tensor - 1] = step
        self._name(node, tensor)

    def _clip(self, node: onnx.NodeProto) -> None:
        step = self._open_step(node.input[0])
        if step is None:
            return
        low, high = (0.0, None) if node.op_type == "Relu" else self._bounds(node)
        if low is not None or high is not None:
            self._change(node, node.input[0], step.model_copy(update={"low": low, "high": high}))

    def _bounds(self, node: onnx.NodeProto) -> tuple[float | None, float | None]:
        ends = [self._scalar(name) for name in node.input[1:3]]
        [low, high, *_] = [*ends, None, None]
        # Bounds that are made on the way are not known here.
        unknown = any(name and end is None for name, end in zip(node.input[1:3], ends, strict=True))
        return (None, None) if unknown else (low, high)

    def _add(self, node: onnx.NodeProto) -> None:
        if len(set(node.input)) != 2 or not all(name in self.tensors for name in node.input):
            return
        # Onto the later of the two: what it is added to is there by then.
        earlier, later = sorted(node.input, key=lambda name: self.tensors[name])
        step = self._open_step(later)
        added = self.tensors[earlier]
        same = _shape(self, added) == _shape(self, self.tensors[later])
        if step is not None and step.added is None and step.kind != "depthwise" and same:
            self._change(node, later, step.model_copy(update={"added": added}))

    def _convolution(self, node: onnx.NodeProto) -> Step | None:
        weight = self._weight(node.input[1])
        source = self.tensors[node.input[0]]
        geometry = _geometry(node, _shape(self, source))
        if weight is None or geometry is None:
            return None
        stored, dims = weight
        inputs = _shape(self, source)[0]
        outputs, each = dims[0], dims[1]
        bias = None
        if len(node.input) > 2 and node.input[2]:
            bias = self._offset(node.input[2], outputs)
            if bias is None:
                return None
        kind: Literal["pointwise", "depthwise", "dense"]
        if geometry.groups == inputs == outputs and each == 1 and geometry.size == 3:
            kind = "depthwise"
        elif geometry.groups == 1 and each == inputs:
            plain = (geometry.size, geometry.stride, geometry.top, geometry.left) == (1, 1, 0, 0)
            kind = "pointwise" if plain else "dense"
        else:
            return None
        if outputs % (_CHANNEL_LANES if kind == "depthwise" else _OUTPUT_LANES):
            return None
        return Step(
            kind=kind,
            source=source,
            shape=(outputs, geometry.height, geometry.width),
            size=geometry.size,
            stride=geometry.stride,
            top=geometry.top,
            left=geometry.left,
            weight=stored,
            bias=bias,
        )

    def _weight(self, name: str) -> tuple[StoredWeight, list[int]] | None:
        """A weight as it lies in the file, and its shape: plain, or as bundle/shrink.py stores it."""
        maker = self.makers.get(name)
        scales = None
        if maker is not None and maker.op_type == "Mul" and maker.input[1] in self.known:
            scale = self.known[maker.input[1]]
            scales = self._offset(scale.name, scale.dims[0] if scale.dims else 0)
            if scales is None or list(scale.dims[1:]) != [1] * (len(scale.dims) - 1):
                return None
            maker = self.makers.get(maker.input[0])
        if maker is not None:
            if maker.op_type != "Cast":
                return None
            name = maker.input[0]
        one = self.known.get(name)
        stored = _STORED.get(one.data_type) if one is not None else None
        if (
            one is None
            or stored is None
            or len(one.dims) != 4
            or stored.startswith("int") != (scales is not None)
        ):
            return None
        offset = self.network.find(one.raw_data) if one.raw_data else -1
        if offset < 0 or one.dims[2] != one.dims[3]:
            return None
        return StoredWeight(offset=offset, stored=stored, scales=scales), list(one.dims)

    def _offset(self, name: str, count: int) -> int | None:
        """Where so many float32 lie; equal bytes elsewhere do as well."""
        one = self.known.get(name)
        if one is None or one.data_type != 1 or len(one.raw_data) != 4 * count or not count:
            return None
        offset = self.network.find(one.raw_data)
        return offset if offset >= 0 else None

    def _scalar(self, name: str) -> float | None:
        from onnx import numpy_helper

        one = self.known.get(name)
        if one is None:
            return None
        values = numpy_helper.to_array(one)
        return float(values.reshape(-1)[0]) if values.size == 1 and values.dtype == np.float32 else None


@dataclass(frozen=True)
class _Geometry:
    size: int
    stride: int
    groups: int
    top: int
    left: int
    height: int
    width: int


def _geometry(node: onnx.NodeProto, shape: tuple[int, int, int]) -> _Geometry | None:
    from onnx import helper

    said: dict[str, Any] = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    kernel, strides = said.get("kernel_shape"), said.get("strides", [1, 1])
    pads = said.get("pads", [0, 0, 0, 0])
    if kernel is None or len(kernel) != 2:
        return None
    square = len(set(kernel)) == 1 and len(set(strides)) == 1
    plain = said.get("auto_pad", b"NOTSET") == b"NOTSET" and set(said.get("dilations", [1])) == {1}
    if not square or not plain:
        return None
    top, left, bottom, right = pads
    size, stride = kernel[0], strides[0]
    height = (shape[1] + top + bottom - size) // stride + 1
    width = (shape[2] + left + right - size) // stride + 1
    if height < 1 or width < 1:
        return None
    return _Geometry(size, stride, said.get("group", 1), top, left, height, width)


def _shape(walk: _Walk, tensor: int) -> tuple[int, int, int]:
    return walk.input if tensor == 0 else walk.steps[tensor - 1].shape


def _sides(entry: onnx.ValueInfoProto) -> tuple[int, int, int] | None:
    dims = entry.type.tensor_type.shape.dim
    if entry.type.tensor_type.elem_type != 1 or len(dims) != 4:
        return None
    sides = (dims[1].dim_value, dims[2].dim_value, dims[3].dim_value)
    return sides if all(sides) else None


def _needed(nodes: list[onnx.NodeProto], ends: set[str]) -> Iterator[onnx.NodeProto]:
    """Those of the nodes, in order, that the ends depend on."""
    wanted = set(ends)
    kept = []
    for node in reversed(nodes):
        if wanted & set(node.output):
            wanted |= set(node.input)
            kept.append(node)
    return reversed(kept)


def _emptied(rest: bytes, network: bytes) -> tuple[bytes, tuple[tuple[int, int, int], ...]]:
    """Zeros for the weights that the network's file holds already: they are not sent twice."""
    import onnx

    content, filled = bytearray(rest), []
    for one in onnx.load_model_from_string(rest).graph.initializer:
        count = len(one.raw_data)
        to, start = rest.find(one.raw_data), network.find(one.raw_data)
        if count >= _WORTH_FILLING and to >= 0 and start >= 0:
            content[to : to + count] = bytes(count)
            filled.append((to, start, count))
    return bytes(content), tuple(filled)


def _rest(network: bytes, nodes: list[onnx.NodeProto], cuts: Mapping[str, tuple[int, int, int]]) -> bytes:
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load_model_from_string(network)
    read = {name for node in nodes for name in node.input}
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, (_BATCH, *shape))
        for name, shape in cuts.items()
    ]
    # What else goes in, metadata, goes into the rest.
    inputs += [one for one in model.graph.input[1:] if one.name in read]
    kept = [one for one in model.graph.initializer if one.name in read]
    graph = helper.make_graph(nodes, "rest", inputs, list(model.graph.output), kept)
    rest = helper.make_model(
        graph, opset_imports=list(model.opset_import), ir_version=model.ir_version, producer_name="overread"
    )
    return bytes(rest.SerializeToString(deterministic=True))
