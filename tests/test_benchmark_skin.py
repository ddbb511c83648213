from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from overread.training import ReaderSettings
from tests.scripts import loaded_script

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "benchmarks" / "skin.py"
SHARED = Path(os.environ.get("OVERREAD_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="module")
def skin() -> Iterator[ModuleType]:
    with loaded_script(SCRIPT) as module:
        yield module


def test_without_the_shared_data_it_says_what_is_missing_and_fails_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--json"],
        env={**os.environ, "OVERREAD_SHARED": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"skipped": str(tmp_path / "data/skin/train")}


def test_every_row_is_a_reader_that_a_study_can_ask_for(skin: ModuleType) -> None:
    names = [row.name for row in skin.ROWS]
    assert len(set(names)) == len(names)
    for row in skin.ROWS:
        assert isinstance(skin._settings(row), ReaderSettings)


def test_its_auc_is_scikit_learns_with_ties(skin: ModuleType) -> None:
    rng = np.random.default_rng(0)
    truth, score = rng.random(50) < 0.4, rng.integers(0, 8, 50).astype(float)
    assert skin.auc(truth, score) == pytest.approx(roc_auc_score(truth, score))
    assert np.isnan(skin.auc(np.ones(3, bool), np.arange(3.0)))


def test_resampling_takes_patients_whole(skin: ModuleType) -> None:
    groups = np.array([0, 1, 1, 2, 2, 2])
    for draw in skin._draws(groups)[:20]:
        counts = np.bincount(draw, minlength=6)
        assert counts[1] == counts[2]
        assert counts[3] == counts[4] == counts[5]
        assert counts[0] + counts[1] + counts[3] == 3


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.skipif(not (SHARED / "data" / "skin").is_dir(), reason=f"no shared data in {SHARED}")
@pytest.mark.usefixtures("exported_networks")
def test_the_table_has_an_interval_and_a_gain_for_each_row(
    tmp_path: Path, skin: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Rows that differ in their heads alone share features; only what is asked for is computed.
    small = {"image_size": 129, "features": "last"}
    rows = (skin.Row("linear", small), skin.Row("two folds", {**small, "folds": 2}))
    monkeypatch.setattr(skin, "ROWS", (*rows, skin.Row("nobody asked", {"backbone": "none such"})))
    monkeypatch.setattr(skin, "RESAMPLES", 200)
    asked = ["--json", "--work", str(tmp_path), "--divisions", "1", "--only", "linear", "two folds"]
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *asked])
    assert skin.main() == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["images"], found["divisions"]) == (200, 1)
    first, second = found["rows"]
    assert (first["name"], second["name"]) == ("linear", "two folds")
    assert first["gain"] == 0
    assert second["gain"] == pytest.approx(second["auc"] - first["auc"])
    assert second["gain"] != 0
    for line in found["rows"]:
        low, high = line["interval"]
        assert 0.6 < low < line["auc"] < high < 1
