"""The benchmarks run and print what they promise; nothing here judges a time."""

from __future__ import annotations

import importlib
import json
import math
import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


def run_small(script: str, *options: str, folder: Path) -> dict[str, Any]:
    """The figures of a benchmark on a few generated phantoms, without peers in another Python."""
    command = [sys.executable, str(ROOT / "benchmarks" / script), "--json", "--weights", "none", *options]
    environment = {
        **os.environ,
        "OVERREAD_SHARED": str(folder / "nowhere"),
        "OVERREAD_PEERS": "",
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@pytest.mark.exhaustive
def test_featurize_prints_every_contender_and_how_far_features_are_apart(tmp_path: Path) -> None:
    small = ["--count", "8", "--repeats", "1", "--image-size", "65"]
    found = run_small("featurize.py", *small, folder=tmp_path)
    assert set(found["contenders"]) == {"ours-2", "ours-1", "tuned", "plain", "ceiling"}
    for figures in found["contenders"].values():
        assert figures["images_per_second"] > 0
        assert math.isfinite(figures["cpu_ms_per_image"])
    assert set(found["not_measured"]) == {"tensorflow", "keras-torch"}
    assert all("not installed" in why for why in found["not_measured"].values())
    assert found["best_tuned_peer"] == "tuned"
    for kind in ("ratios", "cpu_ratios"):
        assert found[kind]["ours-2 / best tuned peer"] == found[kind]["ours-2 / tuned"]
    # The number of workers changes nothing, and another library's decoder and resize next to nothing.
    assert found["deviation"]["ours-1"]["largest"] == 0
    assert found["deviation"]["plain"]["lowest_cosine"] > 0.999
    assert found["deviation"]["tuned"]["lowest_cosine"] > 0.999


@pytest.mark.slow
@pytest.mark.exhaustive
def test_train_tells_the_first_epoch_from_later_ones(tmp_path: Path) -> None:
    small = ["--count", "6", "--tune-count", "2", "--batch", "3", "--epochs", "2", "--repeats", "1"]
    found = run_small("train.py", *small, "--image-size", "65", "--augment", folder=tmp_path)
    assert set(found["contenders"]) == {"ours", "tuned", "plain"}
    for figures in found["contenders"].values():
        for part in ("first", "later"):
            assert figures[part]["images_per_second"] > 0
            assert figures[part]["cpu_ms_per_image"] > 0
        assert figures["peak_mib"] > 100
    assert found["augmented"]
    assert set(found["not_measured"]) == {"train-tensorflow", "train-keras-torch"}
    rate = {name: figures["later"]["images_per_second"] for name, figures in found["contenders"].items()}
    assert found["ratios"]["ours / tuned"] == pytest.approx(rate["ours"] / rate["tuned"])
    assert found["ratios"]["ours / best tuned peer"] == found["ratios"]["ours / tuned"]


def test_a_python_without_the_peers_is_told_from_one_that_has_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    runner = importlib.import_module("runner")
    here = Namespace(backbone="mobilenetv2_100", peers_python=sys.executable)
    assert runner.Peers.find(here).versions["architecture"] == "MobileNetV2"
    has_torch = {"tensorflow": None, "torch": "2.15", "architecture": "MobileNetV2"}
    assert "not installed" in runner.Peers(Path("python"), has_torch).lack("tensorflow")
    assert runner.Peers(Path("python"), has_torch).lack("torch") is None
    unknown = runner.Peers(Path("python"), {**has_torch, "architecture": None})
    assert "no such network" in unknown.lack("torch")


@pytest.mark.slow
def test_ingest_prints_every_contender_with_its_memory(tmp_path: Path) -> None:
    pytest.importorskip("datasets", reason="the peer is not installed (pip install datasets)")
    command = [sys.executable, str(ROOT / "benchmarks" / "ingest.py"), "--json", "--count", "40"]
    done = subprocess.run(
        [*command, "--side", "16", "--workers", "1", "--folder", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found["contenders"]) == {"ours", "ours-plain", "theirs", "theirs-same"}
    for figures in found["contenders"].values():
        assert figures["images"] == 40
        assert figures["images_per_second"] > 0
        assert figures["peak_mib"] > 10
    ratio = (
        found["contenders"]["ours"]["images_per_second"] / found["contenders"]["theirs"]["images_per_second"]
    )
    assert found["ratios"]["ours / theirs"] == pytest.approx(ratio)
