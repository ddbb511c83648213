"""The bootstrap's benchmark runs, agrees with its peers and says what it extrapolates; no time is judged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SMALL = ["--images", "300", "--patients", "60", "--findings", "2"]


@pytest.mark.slow
def test_every_contender_finds_the_same_areas_on_the_same_draws() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "bootstrap.py"), "--json", *SMALL]
    done = subprocess.run(
        [*command, "--resamples", "200", "--budget", "0.01"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found["contenders"]) == {"ours", "ranks", "sklearn-weights", "sklearn"}
    for name, one in found["contenders"].items():
        assert one["cpu_seconds"] > 0
        assert one["largest_deviation"] < 1e-12
        assert one["extrapolated"] == (one["resamples_run"] < 200)
        assert name in ("ours", "ranks") or one["extrapolated"]
    assert found["contenders"]["ours"]["resamples_run"] == 200
    assert set(found["ratios"]) == {"ranks / ours", "sklearn-weights / ours", "sklearn / ours"}
