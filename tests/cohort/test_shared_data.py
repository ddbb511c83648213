"""The real photographs and X-rays of the shared folder, where there is one."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

import pytest

from overread.cohort import Cohort, IngestSettings, ingest
from overread.cohort.columns import find_columns, parse_age, parse_sex
from overread.cohort.tables import read_table
from overread.engine import LocalEngine
from overread.errors import CohortError

SHARED = Path(os.environ.get("OVERREAD_SHARED", Path(__file__).parents[3] / "shared"))

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(
        not (SHARED / "data").is_dir(), reason="the shared data are not here (OVERREAD_SHARED)"
    ),
]


def make(source: Path, out: Path, **settings: object) -> Cohort:
    return ingest(source, out, settings=IngestSettings(**settings), engine=LocalEngine(2))  # type: ignore[arg-type]


def test_the_skin_photographs(tmp_path: Path) -> None:
    table = make(SHARED / "data" / "skin" / "train", tmp_path / "table")
    card = table.card
    assert (card.found, card.read, card.classes, card.negative) == (200, 200, ("malignant",), "benign")
    assert {split: sum(of.values()) for split, of in card.counts.items()} == {
        "train": 120,
        "tune": 40,
        "test": 40,
    }
    assert all(of["malignant"] == of["benign"] for of in card.counts.values())
    assert set(table.table(["source"])["source"].to_pylist()) == {"HAM10000", "MSK-2", "UDA-1", None}
    folder = make(SHARED / "data" / "skin" / "train", tmp_path / "folder", layout="folder")
    assert folder.table(["image_id", "split"]) == table.table(["image_id", "split"])


def test_the_chest_xrays_by_patient(tmp_path: Path) -> None:
    cohort = make(SHARED / "data" / "chest", tmp_path / "chest", near_duplicates=False)
    card = cohort.card
    assert (card.task, card.classes) == ("multiclass", ("covid", "no_findings", "pneumonia"))
    assert (card.read, card.patients, card.patient_known) == (899, 619, True)
    sides = defaultdict(set)
    for row in cohort.table(["patient_id", "split"]).to_pylist():
        sides[row["patient_id"]].add(row["split"])
    assert {len(side) for side in sides.values()} == {1}
    totals = {"covid": 99, "no_findings": 401, "pneumonia": 399}
    shares = {"train": 0.6, "tune": 0.2, "test": 0.2}
    for split, counts in card.counts.items():
        for name, count in counts.items():
            assert abs(count - shares[split] * totals[name]) <= 2


def test_the_full_size_chest_table_has_findings(tmp_path: Path) -> None:
    source = SHARED / "data" / "chest_fullres"
    cohort = make(source, tmp_path / "out", task="binary", positive="No Finding")
    assert (cohort.card.found, cohort.card.read, cohort.card.patient_known) == (20, 20, True)
    assert cohort.table(["view"])["view"].to_pylist().count(None) == 0


def test_rows_of_ham10000_without_age_or_sex() -> None:
    table = read_table(SHARED / "data" / "ham10000" / "HAM10000_metadata.csv")
    found = find_columns(table.columns, {}, where="HAM10000")
    pairs = zip(table.column(found["age"]), table.column(found["sex"]), strict=True)
    assert sum(parse_age(age) is not None and parse_sex(sex) is not None for age, sex in pairs) == 9948


def test_pneumoniamnist_has_eight_pictures_on_two_sides(tmp_path: Path) -> None:
    source = SHARED / "data" / "medmnist" / "pneumoniamnist.npz"
    with pytest.raises(CohortError, match=r"8 pictures.* accept_leakage = \[\"pixels\""):
        make(source, tmp_path / "out", near_duplicates=False)
    cohort = make(source, tmp_path / "out", near_duplicates=False, accept_leakage=("pixels",))
    card = cohort.card
    assert (card.found, card.read, card.classes) == (5232, 5232, ("pneumonia",))
    # What the set has no split for is carved out of train, and never tears the eight further apart.
    assert card.split_given
    assert card.split_counts["tune"] == 524
    pixels = next(leak for leak in card.leakage if leak.kind == "pixels")
    assert (pixels.count, pixels.images, pixels.sides) == (8, 18, {"train-tune": 8})  # two stand thrice


def test_the_chest_x_rays_hold_one_picture_twice(tmp_path: Path) -> None:
    cohort = make(SHARED / "data" / "chest", tmp_path / "chest", near_duplicates=False)
    pairs = cohort.duplicates().to_pylist()
    same = [pair for pair in pairs if pair["kind"] in ("file", "pixels")]
    assert [(Path(pair["first"]).name, Path(pair["second"]).name) for pair in same] == [
        ("00002658_001", "00002658_002")
    ]
