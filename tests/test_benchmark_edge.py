from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from overread.edge.site import Site, SiteFile, load_site
from overread.imaging import Preprocess
from tests.edge.made_network import SIDES, made_network
from tests.scripts import loaded_script

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "edge.py"


@pytest.fixture(scope="module")
def edge() -> Iterator[ModuleType]:
    with loaded_script(SCRIPT) as module:
        yield module


@pytest.fixture
def site(tmp_path: Path) -> Path:
    files = {"index.html": b"x" * 100, "bundle/network.onnx": b"y" * 1000, "late.js": b"z" * 10**6}
    for name, content in files.items():
        (tmp_path / "site" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / name).write_bytes(content)
    (tmp_path / "site" / "bundle" / "network.onnx.br").write_bytes(b"b" * 300)
    (tmp_path / "site" / "sw.js").write_bytes(b"w" * 10)
    listed = tuple(
        SiteFile(path=name, sha256="0" * 64, bytes=len(content), precache=name != "late.js")
        for name, content in files.items()
    )
    said = Site(
        overread="0", bundle="b@1", bundle_digest="0" * 64, digest="0" * 64, network="bundle/network.onnx",
        small=False, plan="bundle/plan.json", rest="bundle/rest.onnx", expected="e", pixels={}, files=listed,
    )  # fmt: skip
    (tmp_path / "site" / "site.json").write_text(said.model_dump_json(), "utf-8")
    return tmp_path / "site"


def test_an_image_counts_with_its_fastest_turn_and_the_parts_of_that_turn(edge: ModuleType) -> None:
    def contender(first: float) -> Any:
        calls = iter(range(10**6))

        def read(_content: bytes) -> dict[str, Any]:
            ms = first + next(calls) % 3
            return {"ms": ms, "parts": [ms / 2, 0.0, ms / 2], "value": 0.5}

        return read

    rows = edge.race({"a": contender(1.0), "b": contender(4.0)}, [b"", b"", b""], rounds=3)
    assert (rows["a"]["ms"], rows["b"]["ms"]) == (1.0, 4.0)
    assert (rows["a"]["decode"], rows["a"]["preprocess"], rows["a"]["network"]) == (0.5, 0.0, 0.5)
    assert rows["a"]["values"] == [0.5, 0.5, 0.5]


def test_the_processor_counts_with_its_cheapest_pass(edge: ModuleType) -> None:
    spent = iter((3.0, 9.0, 2.0, 9.0, 4.0, 9.0))
    found = edge.processor_race({"a": lambda _: next(spent), "b": lambda _: next(spent)}, [b""])
    assert found == {"a": 2.0, "b": 9.0}


def test_the_first_load_is_what_is_kept_at_once_in_its_smallest_form(edge: ModuleType, site: Path) -> None:
    found = edge.first_load(site, load_site(site))
    json_bytes = (site / "site.json").stat().st_size
    assert found["raw_mb"] == pytest.approx((1100 + 10 + json_bytes) / 1e6)
    assert found["br_mb"] == pytest.approx((100 + 300 + 10 + json_bytes) / 1e6)


def test_the_contender_without_kernels_has_a_site_without_a_plan(
    edge: ModuleType, site: Path, tmp_path: Path
) -> None:
    plain = edge.without_kernels(site, tmp_path / "plain")
    assert (load_site(plain).plan, load_site(plain).rest) == (None, None)
    assert load_site(plain).files == load_site(site).files
    assert load_site(site).plan is not None


def test_ratios_are_time_over_native_and_speed_over_the_peer(edge: ModuleType) -> None:
    rows = {edge.OURS: {"ms": 20.0, "network": 12.0}, edge.NATIVE: {"ms": 8.0, "network": 4.0}}
    rows[edge.OURS_SHARED] = {"ms": 12.0, "network": 6.0}
    assert edge.ratios(rows) == {
        "over_native": 2.5, "over_peer": None, "over_native_2_threads": 1.5,
        "network_over_native": 3.0, "network_over_peer": None,
    }  # fmt: skip
    rows[edge.PEER] = {"ms": 30.0, "network": 18.0}
    assert edge.ratios(rows)["over_peer"] == 1.5
    assert edge.ratios(rows)["network_over_peer"] == 1.5


def test_the_table_says_each_goal_beside_what_was_found(edge: ModuleType) -> None:
    row = {"ms": 20.0, "decode": 1.0, "preprocess": 2.0, "network": 17.0, "processor": math.nan, "values": []}
    text = edge.table(
        {
            "contenders": {edge.OURS: row, edge.NATIVE: row},
            "ratios": {"over_native": 1.0, "over_native_2_threads": 0.6, "over_peer": None},
            "peer": "no TensorFlow.js here",
            "goals": edge.GOALS,
            "first_load": {"br_mb": 4.9, "gz_mb": 6.0, "raw_mb": 18.0},
            "first_answer": {"s": 2.5, "first_visit_s": 4.0, "bytes": 1},
            "max_abs_score_difference": 1e-6,
        }
    )
    for said in (
        "1.00 times its time (goal: at most 2.5); with 2 threads 0.60 times that of native with one",
        "no TensorFlow.js here",
        "4.90 MB",
        "2.5 s (goal",
    ):
        assert said in text


def test_the_peer_gets_the_layers_and_weights_of_the_network(edge: ModuleType, tmp_path: Path) -> None:
    network = made_network()
    spec = Preprocess(size=SIDES[1])
    assert edge.edge_peer.write_model(network, spec, tmp_path / "model")
    told = json.loads((tmp_path / "model" / "model.json").read_text("utf-8"))
    values = np.fromfile(tmp_path / "model" / "weights.bin", np.float32)
    assert [one["filter"]["shape"] for one in told["steps"]] == [
        [3, 3, 3, 8], [3, 3, 8, 1], [1, 1, 8, 16], [1, 1, 16, 16], [3, 3, 16, 1], [1, 1, 16, 8],
    ]  # fmt: skip
    assert [one["pad"] for one in told["steps"]][1:3] == [[[0, 0], [1, 1], [1, 1], [0, 0]], "valid"]
    last = told["steps"][-1]["filter"]
    weight = values[last["at"] :][: 16 * 8].reshape(16, 8)
    known = {one.name: one for one in onnx.load_model_from_string(network).graph.initializer}
    np.testing.assert_array_equal(weight.T, numpy_helper.to_array(known["g.weight"])[:, :, 0, 0])
    assert told["cuts"] == [3, 6]
