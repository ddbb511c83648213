"""network.onnx with its weights stored small: integers or fp16 on disk, float32 in every sum.

Quantised arithmetic (QDQ) gives other answers on other processors; here a weight is only stored as an integer
with a scale, and what opens the file multiplies it out once (`docs/explanation/small-network.md`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import onnx

Storage = Literal["int8", "int10", "fp16"]
Floats = npt.NDArray[np.floating]

LEAST_SAVED = 2048
"""Bytes; a weight that saves fewer stays float32."""
FEW_NUMBERS = 10_000
"""With int10, weights of fewer (depthwise and first convolutions) are fp16: little to carry, much to lose."""
_LEVELS: dict[str, int] = {"int8": 127, "int10": 511}
"""Integers of 10 bits lie in 16: a third smaller than fp16 once compressed, as every page is sent."""
_LARGEST_HALF = 65504.0
_WEIGHT_AT = 1  # Conv, Gemm and MatMul alike take their weight as the second input
_ENDS = ("score", "saliency")


def shrink(network: bytes, *, storage: Storage) -> bytes:
    """Store the large weights of convolutions and matrix products small.

    Biases, norms, the calibration, trees and all that only novelty is made of stay float32.

    Args:
        network: Bytes of network.onnx.
        storage: "int8": each output channel's weights as whole multiples, -127..127, of a scale of its own,
            so that none moves by more than half a scale; "int10": the same with -511..511,
            and fp16 where there are few; "fp16": rounded to 11 significant bits.

    Returns:
        A network of the same inputs and outputs.
    """
    import onnx

    model = onnx.load_model_from_string(network)
    graph = model.graph
    initializers = {one.name: one for one in graph.initializer}
    expansions: list[onnx.NodeProto] = []
    for name, axis in _weights(graph).items():
        values = onnx.numpy_helper.to_array(initializers[name])
        stored = _stored(values, axis=axis, storage=storage)
        if stored is not None and values.nbytes - stored.nbytes >= LEAST_SAVED:
            graph.initializer.remove(initializers[name])
            expansions += _expansion(graph, name, stored)
    rest = list(graph.node)
    del graph.node[:]
    graph.node.extend([*expansions, *rest])
    return bytes(model.SerializeToString(deterministic=True))


def quantise(
    values: Floats, *, axis: int, levels: int = _LEVELS["int8"]
) -> tuple[npt.NDArray[np.int8 | np.int16], npt.NDArray[np.float32]]:
    """Whole multiples of a scale along an axis.

    Args:
        values: Weights of any shape.
        axis: Of the output channels.
        levels: Above zero, and as many below.

    Returns:
        int8 of the same shape, -levels..levels (int16 where they need it), and the scales, float32, 1 along
        every other axis;
        `multiples * scales` is within half a scale of `values`.
    """
    others = tuple(at for at in range(values.ndim) if at != axis % values.ndim)
    largest = np.abs(values).max(axis=others, keepdims=True)
    scales = np.where(largest > 0, largest / levels, 1.0).astype(np.float32)
    kind = np.int8 if levels <= np.iinfo(np.int8).max else np.int16
    return np.clip(np.rint(values / scales), -levels, levels).astype(kind), scales


def remap_score(network: bytes, *, slope: Sequence[float], intercept: Sequence[float]) -> bytes:
    """Stretch and shift what the score is made of, just before its sigmoid or softmax.

    Args:
        network: Bytes of a network whose score ends in one (`ends_in_sigmoid_or_softmax`).
        slope: Factors on the calibrated logits, one a class or one for all.
        intercept: Offsets, of the same length.

    Raises:
        ValueError: The score does not end in a sigmoid or a softmax.
    """
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load_model_from_string(network)
    graph = model.graph
    last = _last_of(graph)
    if last is None:
        raise ValueError("expected a score that ends in a sigmoid or a softmax")
    names = ("small.slope", "small.intercept")
    for name, values in zip(names, (slope, intercept), strict=True):
        graph.initializer.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
    at = next(index for index, node in enumerate(graph.node) if node.output[0] == last.output[0])
    nodes = list(graph.node)
    logits = last.input[0]
    nodes[at].input[0] = "small.logits"
    nodes[at:at] = [
        helper.make_node("Mul", [logits, names[0]], ["small.stretched"]),
        helper.make_node("Add", ["small.stretched", names[1]], ["small.logits"]),
    ]
    del graph.node[:]
    graph.node.extend(nodes)
    return bytes(model.SerializeToString(deterministic=True))


def ends_in_sigmoid_or_softmax(network: bytes) -> bool:
    """Whether `remap_score` can be asked; an isotonic calibration ends otherwise."""
    import onnx

    return _last_of(onnx.load_model_from_string(network).graph) is not None


@dataclass(frozen=True)
class _Stored:
    """A weight as it stands in the file, and what it is multiplied by."""

    values: npt.NDArray[Any]
    scales: npt.NDArray[np.float32] | None = None

    @property
    def nbytes(self) -> int:
        return int(self.values.nbytes) + (0 if self.scales is None else int(self.scales.nbytes))


def _stored(values: npt.NDArray[Any], *, axis: int, storage: Storage) -> _Stored | None:
    """None where float32 must stay: not float32 to begin with, or beyond what the storage can hold."""
    if values.dtype != np.float32 or not np.isfinite(values).all():
        return None
    if storage == "int8" or (storage == "int10" and values.size >= FEW_NUMBERS):
        return _Stored(*quantise(values, axis=axis, levels=_LEVELS[storage]))
    return _Stored(values.astype(np.float16)) if np.abs(values).max() <= _LARGEST_HALF else None


def _weights(graph: onnx.GraphProto) -> dict[str, int]:
    """The names of weights, in the graph's order, with the axis of their output channels.

    A weight is what only convolutions and matrix products take, and only as their weight, on the way to the
    score or the heat map. What a node of novelty takes too (`basis`) is none.
    """
    known = {one.name for one in graph.initializer}
    on_the_way = _upstream(graph, _ENDS)
    axes: dict[str, set[int | None]] = {}
    for place, node in enumerate(graph.node):
        for at, name in enumerate(node.input):
            if name in known:
                fits = at == _WEIGHT_AT and place in on_the_way
                axes.setdefault(name, set()).add(_output_axis(node) if fits else None)
    rank = {one.name: len(one.dims) for one in graph.initializer}
    found: dict[str, int] = {}
    for name, said in axes.items():
        [axis, *others] = sorted(said, key=str)
        if axis is not None and not others and rank[name] >= 2:
            found[name] = axis
    return found


def _output_axis(node: onnx.NodeProto) -> int | None:
    if node.op_type == "Conv":
        return 0
    if node.op_type == "Gemm":
        turned = any(one.name == "transB" and one.i for one in node.attribute)
        return 0 if turned else 1
    return -1 if node.op_type == "MatMul" else None


def _upstream(graph: onnx.GraphProto, ends: Sequence[str]) -> set[int]:
    """The places of the nodes that any of these outputs depends on."""
    found: set[int] = set()
    wanted = set(ends)
    # Sorted: what a node takes stands before it.
    for place, node in reversed(list(enumerate(graph.node))):
        if wanted & set(node.output):
            found.add(place)
            wanted |= set(node.input)
    return found


def _expansion(graph: onnx.GraphProto, name: str, stored: _Stored) -> list[onnx.NodeProto]:
    """Put the stored weight into the graph, and give the nodes that make `name` of it."""
    from onnx import TensorProto, helper, numpy_helper

    small, plain, scales = f"{name}.stored", f"{name}.whole", f"{name}.scales"
    graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(stored.values), small))
    if stored.scales is None:
        return [helper.make_node("Cast", [small], [name], to=TensorProto.FLOAT)]
    graph.initializer.append(numpy_helper.from_array(stored.scales, scales))
    return [
        helper.make_node("Cast", [small], [plain], to=TensorProto.FLOAT),
        helper.make_node("Mul", [plain, scales], [name]),
    ]


def _last_of(graph: onnx.GraphProto) -> onnx.NodeProto | None:
    """The sigmoid or softmax that the score comes out of."""
    made = {name: node for node in graph.node for name in node.output}
    last = made.get("score")
    return last if last is not None and last.op_type in ("Sigmoid", "Softmax") else None
