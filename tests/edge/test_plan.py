from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from overread.bundle.shrink import LEAST_SAVED, Storage, shrink
from overread.edge.plan import Plan, Step, make_plan
from tests.edge.made_network import SIDES, made_network

VECTORS = Path(__file__).parents[2] / "web" / "tests" / "reader" / "planned" / "vectors.json"


@pytest.fixture
def shrinks_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights of a few bytes are stored small, too."""
    assert LEAST_SAVED > 0
    shrink_all(monkeypatch)


def test_steps_know_what_they_take_and_what_is_fused_into_them() -> None:
    plan, _ = planned(made_network())
    told = [(one.kind, one.source, one.added, one.shape, one.low, one.high) for one in plan.steps]
    assert told == [
        ("dense", 0, None, (8, 7, 5), 0.0, 6.0),
        ("depthwise", 1, None, (8, 7, 5), 0.0, None),
        ("pointwise", 2, None, (16, 7, 5), None, None),
        ("pointwise", 3, 3, (16, 7, 5), None, None),
        ("depthwise", 4, None, (16, 4, 3), None, None),
        ("pointwise", 5, None, (8, 4, 3), None, None),
    ]
    assert plan.cuts == {"c": 3, "g": 6}


@pytest.mark.usefixtures("shrinks_all")
@pytest.mark.parametrize("storage", [None, *get_args(Storage)])
def test_plan_and_rest_say_what_the_network_says(storage: Storage | None) -> None:
    network = made_network() if storage is None else shrink(made_network(), storage=storage)
    plan, rest = planned(network)
    wanted = {"int8": "int8", "int10": "int16", "fp16": "float16", None: "float32"}[storage]
    assert {one.weight.stored for one in plan.steps} == {wanted}
    given = np.random.default_rng(1).normal(size=(1, *SIDES)).astype(np.float32)
    found = run(filled(plan, network, rest), replay(plan, network, given))
    for name, values in run(network, {"input": given}).items():
        np.testing.assert_allclose(found[name], values, atol=1e-5, rtol=1e-5)


def test_the_rest_takes_metadata_as_the_network_did() -> None:
    network = made_network(metadata=True)
    plan, rest = planned(network)
    given = np.random.default_rng(1).normal(size=(1, *SIDES)).astype(np.float32)
    told = {"metadata": np.array([[0.5, -1.0]], np.float32)}
    found = run(filled(plan, network, rest), replay(plan, network, given) | told)
    np.testing.assert_allclose(
        found["score"], run(network, {"input": given} | told)["score"], atol=1e-5, rtol=1e-5
    )


def test_large_weights_of_the_rest_are_zeros_until_they_are_taken_from_the_network() -> None:
    network = made_network()
    plan, rest = planned(network)
    assert sum(count for _, _, count in plan.filled) == 24 * 40 * 4 + 40 * 2 * 4
    for to, start, count in plan.filled:
        assert rest[to : to + count] == bytes(count)
        assert any(network[start : start + count])


@pytest.mark.parametrize(
    "node",
    [
        helper.make_node("Sigmoid", ["e"], ["other"]),
        helper.make_node("HardSwish", ["e"], ["other"]),
        helper.make_node("MaxPool", ["e"], ["other"], kernel_shape=[2, 2]),
    ],
    ids=lambda node: node.op_type,
)
def test_a_network_with_other_layers_before_its_last_convolution_has_no_plan(node: Any) -> None:
    model = onnx.load_model_from_string(made_network(extra=(node,)))
    for one in model.graph.node:
        if one.op_type == "Conv" and one.input[0] == "e" and one.output[0] == "f":
            one.input[0] = "other"
    assert make_plan(model.SerializeToString()) is None


def test_a_step_that_two_take_keeps_its_own_values() -> None:
    model = onnx.load_model_from_string(made_network())
    clip = next(one for one in model.graph.node if one.op_type == "Clip")
    # Unclipped values are taken, too: the bounds must not go into the convolution.
    model.graph.node.append(helper.make_node("GlobalAveragePool", [clip.input[0]], ["unclipped"]))
    model.graph.output.append(helper.make_tensor_value_info("unclipped", 1, ("batch", 8, 1, 1)))
    assert make_plan(model.SerializeToString()) is None


def test_the_browser_is_tested_with_what_python_plans() -> None:
    """Where this fails, run `python -m tests.edge.test_plan`, and look at what changed."""
    known, made = json.loads(VECTORS.read_text("utf-8")), vectors()
    assert [one["plan"] for one in known] == [one["plan"] for one in made]
    for was, now in zip(known, made, strict=True):
        assert (was["network"], was["rest"]) == (now["network"], now["rest"])
        for name, values in now["wanted"].items():
            np.testing.assert_allclose(was["wanted"][name], values, atol=1e-5, rtol=1e-5)


def shrink_all(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("overread.bundle.shrink.LEAST_SAVED", -(10**6))
    patch.setattr("overread.bundle.shrink.FEW_NUMBERS", 0)


def planned(network: bytes) -> tuple[Plan, bytes]:
    made = make_plan(network)
    assert made is not None
    return made


def run(model: bytes, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(names, given), strict=True))


def filled(plan: Plan, network: bytes, rest: bytes) -> bytes:
    content = bytearray(rest)
    for to, start, count in plan.filled:
        content[to : to + count] = network[start : start + count]
    return bytes(content)


def replay(plan: Plan, network: bytes, given: np.ndarray) -> dict[str, np.ndarray]:
    """The plan in numpy, one multiplication after the other."""
    tensors = [given[0].astype(np.float64)]
    for step in plan.steps:
        x = tensors[step.source]
        outputs, height, width = step.shape
        each = 1 if step.kind == "depthwise" else x.shape[0]
        weight, bias = stored(network, step, (outputs, each, step.size, step.size))
        padded = np.zeros((x.shape[0], x.shape[1] + 2 * step.size, x.shape[2] + 2 * step.size))
        padded[:, step.top : step.top + x.shape[1], step.left : step.left + x.shape[2]] = x
        made = np.zeros(step.shape) + bias.reshape(-1, 1, 1)
        for dy in range(step.size):
            for dx in range(step.size):
                seen = padded[:, dy : dy + height * step.stride : step.stride]
                seen = seen[:, :, dx : dx + width * step.stride : step.stride]
                taken = weight[:, :, dy, dx]
                made += seen * taken[:, :1, None] if each == 1 else np.einsum("oc,chw->ohw", taken, seen)
        if step.added is not None:
            made += tensors[step.added]
        tensors.append(np.clip(made, step.low, step.high) if step.low is not None else made)
    return {name: tensors[tensor][None].astype(np.float32) for name, tensor in plan.cuts.items()}


def stored(network: bytes, step: Step, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    weight = np.frombuffer(network, step.weight.stored, int(np.prod(shape)), step.weight.offset)
    values = weight.astype(np.float64).reshape(shape)
    if step.weight.scales is not None:
        values *= np.frombuffer(network, np.float32, shape[0], step.weight.scales).reshape(-1, 1, 1, 1)
    assert step.bias is not None
    return values, np.frombuffer(network, np.float32, shape[0], step.bias)


def vectors() -> list[dict[str, Any]]:
    """Networks, and what the rest takes for an input that the browser's test can make again."""
    found = []
    for storage in (None, *get_args(Storage)):
        with pytest.MonkeyPatch.context() as patch:
            shrink_all(patch)
            network = made_network() if storage is None else shrink(made_network(), storage=storage)
        plan, rest = planned(network)
        given = (np.arange(np.prod(SIDES)) * 7 % 23 / 8 - 1).astype(np.float32).reshape(1, *SIDES)
        taken = replay(plan, network, given)
        found.append(
            {
                "plan": json.loads(plan.to_json()),
                "network": base64.b64encode(network).decode(),
                "rest": base64.b64encode(rest).decode(),
                "wanted": {name: values.ravel().tolist() for name, values in taken.items()},
            }
        )
    return found


if __name__ == "__main__":
    VECTORS.write_text(json.dumps(vectors()) + "\n", "utf-8")
