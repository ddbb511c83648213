"""Threads of the page's own: the bits of one thread, and one thread where they do not start."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from overread.bundle import pack
from overread.edge import write_site
from overread.edge.site import load_site
from overread.imaging.preprocess import Preprocess, preprocess_graph
from tests.browser.conftest import TESTED_APP
from tests.bundle.conftest import encode, make_draft, make_pixels
from tests.reader_model import reader_model

pytestmark = pytest.mark.browser

OpenApp = Callable[[Any, str], None]
Serve = Callable[..., AbstractContextManager[str]]

SIZE = 96
PICTURES = [list(encode(make_pixels(seed))) for seed in range(3)]
_READ = """async (pictures) => {
  const read = (bytes) => window.overread.reader.read(new Blob([new Uint8Array(bytes)]), { anyway: true });
  const readings = [];
  for (const bytes of pictures) readings.push(await read(bytes));
  return readings.map(({ scores, novelty, saliency }) => [...scores, novelty, ...saliency.values]);
}"""
_TESTED = "() => window.overread.reader.selfTest()"


@pytest.fixture(scope="module")
def residual_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site whose network the page's own kernels read: an inverted residual, wide enough for strips."""
    folder = tmp_path_factory.mktemp("threads")
    pack(
        folder / "bundle",
        draft=make_draft(preprocess=Preprocess(size=SIZE)),
        preprocess=preprocess_graph(Preprocess(size=SIZE)),
        network=residual_network(),
    )
    write_site(folder / "bundle", folder / "site", app=TESTED_APP)
    assert load_site(folder / "site").plan
    return folder / "site"


def test_two_threads_give_the_bits_of_one(
    residual_site: Path, serve_site: Serve, open_app: OpenApp, chromium: Any
) -> None:
    found = {}
    for isolated in (True, False):
        context = chromium.new_context(service_workers="block")
        page = context.new_page()
        with serve_site(residual_site, isolated=isolated) as url:
            open_app(page, url)
            tested = page.evaluate(_TESTED)
            assert (tested["passed"], tested["runtime"]["notes"]) == (True, [])
            assert (tested["runtime"]["threads"] > 1) == isolated
            found[isolated] = page.evaluate(_READ, PICTURES)
        context.close()
    assert found[True] == found[False]


def test_one_thread_reads_on_where_no_other_starts(
    residual_site: Path, tmp_path: Path, serve_site: Serve, open_app: OpenApp, chromium: Any
) -> None:
    shutil.copytree(residual_site, tmp_path / "site")
    for script in (tmp_path / "site" / "assets").glob("helper-*"):
        script.unlink()
    context = chromium.new_context(service_workers="block")
    page = context.new_page()
    with serve_site(tmp_path / "site") as url:
        open_app(page, url)
        tested = page.evaluate(_TESTED)
        assert (tested["passed"], tested["runtime"]["threads"]) == (True, 1)
        (note,) = tested["runtime"]["notes"]
        assert note.startswith("threads for convolutions did not start (")
        assert len(page.evaluate(_READ, PICTURES)) == len(PICTURES)
    context.close()


def residual_network() -> bytes:
    """Stem, expand, depthwise, project and what it is added to; score, novelty and saliency from its maps."""
    rng = np.random.default_rng(0)
    constants: list[onnx.TensorProto] = []

    def constant(name: str, values: Any, kind: type = np.float32) -> str:
        constants.append(numpy_helper.from_array(np.asarray(values).astype(kind), name))
        return name

    def convolve(given: str, made: str, shape: tuple[int, ...], **said: int) -> list[onnx.NodeProto]:
        kernel = constant(f"{made}.kernel", rng.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape))
        bias = constant(f"{made}.bias", rng.normal(0, 0.1, shape[0]))
        size = shape[2]
        attributes: dict[str, Any] = {
            "kernel_shape": [size, size],
            "strides": [said.get("stride", 1)] * 2,
            "pads": [size // 2] * 4,
            "group": said.get("group", 1),
        }
        return [helper.make_node("Conv", [given, kernel, bias], [made], **attributes)]

    def clipped(name: str) -> list[onnx.NodeProto]:
        return [helper.make_node("Relu", [name], [f"{name}.clipped"])]

    nodes = [
        *convolve("input", "stem", (16, 3, 3, 3), stride=2),
        *clipped("stem"),
        *convolve("stem.clipped", "wide", (96, 16, 1, 1)),
        *clipped("wide"),
        *convolve("wide.clipped", "deep", (96, 1, 3, 3), group=96),
        *clipped("deep"),
        *convolve("deep.clipped", "narrow", (16, 96, 1, 1)),
        helper.make_node("Add", ["stem.clipped", "narrow"], ["maps"]),
        helper.make_node(
            "ReduceMean", ["maps", constant("space", [2, 3], np.int64)], ["features"], keepdims=0
        ),
        helper.make_node("MatMul", ["features", constant("head", rng.normal(size=(16, 1)))], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["score"]),
        helper.make_node("ReduceMean", ["maps", constant("one", [1], np.int64)], ["saliency"], keepdims=1),
        helper.make_node("ReduceL2", ["features", "one"], ["novelty"], keepdims=0),
    ]
    side = SIZE // 2
    outputs: dict[str, list[Any]] = {
        "score": ["n", 1],
        "features": ["n", 16],
        "saliency": ["n", 1, side, side],
        "novelty": ["n"],
    }
    return bytes(reader_model(nodes, constants, outputs=outputs, size=SIZE).SerializeToString())
