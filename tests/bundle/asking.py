"""A small bundle that asks for age and sex: its logit is that of the pixels plus made terms; no torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from overread.bundle import pack
from overread.bundle.manifest import MetadataField
from overread.imaging.preprocess import Preprocess, preprocess_graph
from tests.bundle.conftest import SIZE, make_draft, network_model

AGE = MetadataField(name="age", kind="number", unit="years", missing=0.1)
SEX = MetadataField(name="sex", kind="category", categories=("F", "M"))
FIELDS = (AGE, SEX)
AGE_SLOPE, SEX_STEP = 0.02, 0.5


def asking_model() -> onnx.ModelProto:
    """Its logit adds 0.02 a year and 0.5 for the second sex; what is NaN adds nothing."""
    model = network_model()
    graph = model.graph
    nodes = list(graph.node)
    at = next(i for i, node in enumerate(nodes) if node.op_type == "Sigmoid")
    nodes[at].input[0] = "told_logit"
    extra = [
        helper.make_node("IsNaN", ["metadata"], ["missing"]),
        helper.make_node("Where", ["missing", "nothing", "metadata"], ["known"]),
        helper.make_node("MatMul", ["known", "of_metadata"], ["shift"]),
        helper.make_node("Add", ["logit", "shift"], ["told_logit"]),
    ]
    del graph.node[:]
    graph.node.extend([*nodes[:at], *extra, *nodes[at:]])
    graph.input.append(helper.make_tensor_value_info("metadata", TensorProto.FLOAT, ["n", len(FIELDS)]))
    graph.initializer.extend(
        [
            numpy_helper.from_array(np.zeros(1, np.float32), "nothing"),
            numpy_helper.from_array(np.array([[AGE_SLOPE], [SEX_STEP]], np.float32), "of_metadata"),
        ]
    )
    return model


def asking_bundle(out: Path) -> Path:
    """The bundle's folder."""
    return pack(
        out,
        draft=make_draft(metadata=FIELDS),
        preprocess=preprocess_graph(Preprocess(size=SIZE)),
        network=asking_model().SerializeToString(),
    )


def logit(score: float) -> float:
    """Of a score."""
    return float(np.log(score / (1 - score)))
