"""Pixels of any size to what a network takes, as one ONNX graph: the only definition of resizing there is.

Python, Spark and the browser run these same bytes. Resizing happens on uint8 with Pillow's antialiased
filters: Resize with `antialias=1, exclude_outside=1, half_pixel, cubic_coeff_a=-0.5` is within one grey level
of Pillow 13.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from overread.imaging.session import open_session

if TYPE_CHECKING:
    import onnx

_OPSET = 20
_IR_VERSION = 9  # What opset 20 came with: older runtimes and browsers read it.

_LONGEST_RATIO = 4  # Sides beyond this ratio are cut before "crop" resizes.

_Positive = Annotated[float, Field(gt=0)]


class Preprocess(BaseModel):
    """How an image becomes a network's input.

    Attributes:
        size: Side of the square input, in pixels.
        resize: "squash" stretches the whole image to the square; "crop" scales the shorter side to `size` and
            takes the centre, so that proportions stay and the ends of the longer side are not seen. What is
            further from the centre than twice the shorter side is cut off before resizing.
        interpolation: Filter of the antialiased resize.
        mean: What is subtracted from each channel of pixels scaled to 0..1.
        std: What each channel is then divided by.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    size: int = Field(ge=1, le=4096)
    resize: Literal["squash", "crop"] = "squash"
    interpolation: Literal["bilinear", "bicubic"] = "bicubic"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[_Positive, _Positive, _Positive] = (0.229, 0.224, 0.225)


def preprocess_graph(spec: Preprocess) -> bytes:
    """Write the graph from pixels to a network's input.

    Returns:
        A serialized ONNX model, the same bytes for the same `spec`: `pixels` uint8 [height, width, 3] of any
        size → `input` float32 [1, 3, size, size].
    """
    from onnx import TensorProto, helper, numpy_helper

    # (x / 255 - mean) / std as one subtraction and one multiplication, rounded once from float64.
    mean = np.asarray(spec.mean, np.float64).reshape(1, 3, 1, 1) * 255
    scale = 1 / (np.asarray(spec.std, np.float64).reshape(1, 3, 1, 1) * 255)
    nodes, constants = _resize_nodes(spec, "resized")
    nodes += [
        helper.make_node("Cast", ["resized"], ["levels"], "cast", to=TensorProto.FLOAT),
        helper.make_node("Sub", ["levels", "mean"], ["centred"], "subtract_mean"),
        helper.make_node("Mul", ["centred", "scale"], ["input"], "divide_by_std"),
    ]
    constants += [
        numpy_helper.from_array(mean.astype(np.float32), "mean"),
        numpy_helper.from_array(scale.astype(np.float32), "scale"),
    ]
    shape = (1, 3, spec.size, spec.size)
    output = helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)
    return _serialize("preprocess", nodes, constants, output)


def resize_graph(spec: Preprocess) -> bytes:
    """Write the graph's first half, which training caches: pixels to a square of pixels.

    Returns:
        A serialized ONNX model: `pixels` uint8 [height, width, 3] → `resized` uint8 [size, size, 3]; what
        `preprocess_graph` resizes to, bit for bit.
    """
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants = _resize_nodes(spec, "planes")
    nodes += [
        helper.make_node("Transpose", ["planes"], ["interleaved"], "to_interleaved", perm=[0, 2, 3, 1]),
        helper.make_node("Squeeze", ["interleaved", "first_axis"], ["resized"], "drop_batch"),
    ]
    constants.append(numpy_helper.from_array(np.array([0], np.int64), "first_axis"))
    output = helper.make_tensor_value_info("resized", TensorProto.UINT8, (spec.size, spec.size, 3))
    return _serialize("resize", nodes, constants, output)


class GraphRunner:
    """One ONNX graph with one input and one output, open in onnxruntime on the CPU.

    Args:
        model: A serialized model or the path of one.
        threads: How many threads one call may use.
    """

    def __init__(self, model: bytes | Path, *, threads: int = 1) -> None:
        import onnxruntime

        self._session = open_session(model, threads=threads)
        entry = self._session.get_inputs()[0]
        self._input, self._output = entry.name, self._session.get_outputs()[0].name
        self._run_options = onnxruntime.RunOptions()
        if not all(isinstance(side, int) for side in entry.shape[1:]):
            # Networks need the arena for speed; fed images of any size, it would keep the largest ever seen.
            self._run_options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")

    def __call__(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Run the graph on one array: uint8 [height, width, 3] for the graphs of this module."""
        result: NDArray[Any] = self._session.run([self._output], {self._input: pixels}, self._run_options)[0]
        return result


def _resize_nodes(spec: Preprocess, output: str) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Nodes from `pixels` uint8 [h, w, 3] to `output` uint8 [1, 3, size, size]."""
    from onnx import helper, numpy_helper

    def constant(name: str, values: list[int]) -> onnx.TensorProto:
        return numpy_helper.from_array(np.array(values, np.int64), name)

    resize: dict[str, Any] = {
        "mode": "cubic" if spec.interpolation == "bicubic" else "linear",
        "antialias": 1,
        "exclude_outside": 1,
        "coordinate_transformation_mode": "half_pixel",
    }
    if spec.interpolation == "bicubic":
        resize["cubic_coeff_a"] = -0.5
    nodes = [
        helper.make_node("Unsqueeze", ["pixels", "batch_axis"], ["batch"], "add_batch"),
        helper.make_node("Transpose", ["batch"], ["source"], "to_planes", perm=[0, 3, 1, 2]),
    ]
    constants = [constant("batch_axis", [0])]
    if spec.resize == "squash":
        constants.append(constant("whole", [1, 3, spec.size, spec.size]))
        nodes.append(helper.make_node("Resize", ["source", "", "", "whole"], [output], "resize", **resize))
        return nodes, constants
    # A strip of 1 × 100,000 pixels would need gigabytes as `size` rows: at most 4 : 1 is resized.
    nodes += [
        helper.make_node("Shape", ["pixels"], ["all_sides"], "read_size", start=0, end=2),
        helper.make_node("ReduceMin", ["all_sides"], ["shorter"], "shorter_side", keepdims=1),
        helper.make_node("Mul", ["shorter", "longest_ratio"], ["longest"], "longest_side"),
        helper.make_node("Min", ["all_sides", "longest"], ["sides"], "bound_sides"),
        helper.make_node("Sub", ["all_sides", "sides"], ["ends"], "cut_sides"),
        helper.make_node("Div", ["ends", "two"], ["first"], "half_cut"),
        helper.make_node("Add", ["first", "sides"], ["last"], "cut_end"),
        helper.make_node("Slice", ["source", "first", "last", "plane_axes"], ["bounded"], "cut_strip"),
    ]
    # Shorter side to `size`; the longer to floor(size × longer / shorter), as torchvision's Resize has it.
    nodes += [
        helper.make_node("Mul", ["sides", "size"], ["scaled"], "scale_sides"),
        helper.make_node("Div", ["scaled", "shorter"], ["target"], "divide_by_shorter"),
        helper.make_node("Concat", ["leading", "target"], ["whole"], "whole_size", axis=0),
        helper.make_node("Resize", ["bounded", "", "", "whole"], ["covering"], "resize", **resize),
        helper.make_node("Sub", ["target", "size"], ["excess"], "excess_sides"),
        helper.make_node("Div", ["excess", "two"], ["start"], "half_excess"),
        helper.make_node("Add", ["start", "size"], ["stop"], "crop_end"),
        helper.make_node("Slice", ["covering", "start", "stop", "plane_axes"], [output], "centre_crop"),
    ]
    constants += [
        constant("leading", [1, 3]),
        constant("size", [spec.size]),
        constant("two", [2]),
        constant("longest_ratio", [_LONGEST_RATIO]),
        constant("plane_axes", [2, 3]),
    ]
    return nodes, constants


def _serialize(
    name: str,
    nodes: list[onnx.NodeProto],
    constants: list[onnx.TensorProto],
    output: onnx.ValueInfoProto,
) -> bytes:
    from onnx import TensorProto, helper

    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ("height", "width", 3))
    graph = helper.make_graph(nodes, name, [pixels], [output], constants)
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="overread",
    )
    content: bytes = model.SerializeToString(deterministic=True)
    return content
