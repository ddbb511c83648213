"""The benchmarks run and print what they promise; nothing here judges a time."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_featurize_prints_every_contender_and_how_far_features_are_apart(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "featurize.py"), "--json"]
    small = ["--count", "8", "--repeats", "1", "--image-size", "65", "--weights", "none"]
    done = subprocess.run(
        [*command, *small],
        env={**os.environ, "OVERREAD_SHARED": str(tmp_path / "nowhere")},  # generated phantoms
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found["contenders"]) == {"ours-2", "ours-1", "tuned", "plain", "ceiling"}
    for figures in found["contenders"].values():
        assert figures["images_per_second"] > 0
        assert math.isfinite(figures["cpu_ms_per_image"])
    # The number of workers changes nothing, and another library's decoder and resize next to nothing.
    assert found["deviation"]["ours-1"]["largest"] == 0
    assert found["deviation"]["plain"]["lowest_cosine"] > 0.999
    assert found["deviation"]["tuned"]["lowest_cosine"] > 0.999


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
