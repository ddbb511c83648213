from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from overread.cohort import Cohort, IngestSettings, ingest
from overread.cohort import read_stage as stages
from overread.engine import LocalEngine
from overread.errors import CohortError
from tests.cohort.pictures import picture, write_class_folders, write_patients, write_table


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are decoded."""
    names: list[str] = []
    whole = stages.ReadStage._read

    def read(self: stages.ReadStage, row: dict[str, object]) -> dict[str, object]:
        names.append(Path(os.fsdecode(row["file"])).as_posix())  # type: ignore[arg-type]
        return whole(self, row)

    monkeypatch.setattr(stages.ReadStage, "_read", read)
    return names


def make(source: Path, out: Path, *, retry: bool = False, **settings: object) -> Cohort:
    return ingest(
        source,
        out,
        settings=IngestSettings(**settings),  # type: ignore[arg-type]
        engine=LocalEngine(1),
        retry=retry,
    )


def splits(cohort: Cohort) -> dict[str, str]:
    rows = cohort.table(["image_id", "split"]).to_pylist()
    return {row["image_id"]: row["split"] for row in rows}


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """40 images, three of them damaged."""
    source = write_class_folders(tmp_path / "skin", {"benign": 20, "malignant": 20})
    for name in ("benign/003.jpg", "benign/007.jpg", "malignant/011.jpg"):
        (source / name).write_bytes((source / name).read_bytes()[:200])
    return source


def test_only_rejects_are_read_again_and_images_keep_their_split(
    damaged: Path, tmp_path: Path, opened: list[str]
) -> None:
    first = make(damaged, tmp_path / "out")
    assert (first.card.read, first.card.rejected) == (37, 3)
    before, parts = splits(first), [part.stat().st_ino for part in first.parts]
    (damaged / "benign" / "003.jpg").write_bytes(picture(3))
    opened.clear()
    second = make(damaged, tmp_path / "out", retry=True)
    assert sorted(opened) == ["benign/003.jpg", "benign/007.jpg", "malignant/011.jpg"]
    assert (second.card.read, second.card.rejected) == (38, 2)
    after = splits(second)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"benign/003"}
    # What was there is not even copied.
    assert [part.stat().st_ino for part in second.parts][:-1] == parts
    assert second.images_of(["benign/003", "benign/004"])["benign/003"] == picture(3)
    assert Cohort.load(tmp_path / "out").measurements().num_rows == 38


def test_a_retry_that_mends_nothing_changes_nothing(damaged: Path, tmp_path: Path) -> None:
    first = make(damaged, tmp_path / "out").card
    assert make(damaged, tmp_path / "out", retry=True).card == first


def test_an_image_that_joins_goes_where_its_patient_is(tmp_path: Path) -> None:
    source = tmp_path / "images"
    rows = write_patients(source, patients=15, each=3)
    write_table(source / "labels.csv", rows)
    whole = {path: path.read_bytes() for path in sorted(source.glob("*_1.jpg"))}
    for path in whole:
        path.write_bytes(b"")
    first = make(source, tmp_path / "out")
    assert first.card.reject_reasons == {"empty": 15}
    before = splits(first)
    for path, content in whole.items():
        path.write_bytes(content)
    second = make(source, tmp_path / "out", retry=True)
    assert (second.card.read, second.card.rejected, second.card.leakage) == (45, 0, ())
    after = splits(second)
    assert all(after[f"{patient:03d}_1"] == before[f"{patient:03d}_0"] for patient in range(15))


def test_files_that_did_not_change_are_not_read_again(
    damaged: Path, tmp_path: Path, opened: list[str]
) -> None:
    make(damaged, tmp_path / "out")
    opened.clear()
    shutil.copyfile(damaged / "benign" / "000.jpg", tmp_path / "kept.jpg")
    (damaged / "benign" / "000.jpg").write_bytes(picture(900))
    (damaged / "benign" / "new.jpg").write_bytes(picture(901))
    (damaged / "malignant" / "000.jpg").unlink()
    changed = make(damaged, tmp_path / "out")
    assert sorted(opened) == ["benign/000.jpg", "benign/new.jpg"]
    fresh = make(damaged, tmp_path / "fresh")
    assert changed.card == fresh.card  # what was known before leaves no trace


def test_a_refused_cohort_is_not_read_again_once_its_leakage_is_accepted(
    tmp_path: Path, opened: list[str]
) -> None:
    source = tmp_path / "set"
    write_class_folders(source / "train", {"benign": 6, "malignant": 6})
    write_class_folders(source / "test", {"benign": 6, "malignant": 6}, first=100)
    shutil.copyfile(source / "train" / "benign" / "000.jpg", source / "test" / "benign" / "x.jpg")
    with pytest.raises(CohortError, match="accept_leakage"):
        make(source, tmp_path / "out")
    assert len(opened) == 25
    assert make(source, tmp_path / "out", accept_leakage=("file",)).card.read == 25
    assert len(opened) == 25


def test_a_retry_needs_a_cohort(damaged: Path, tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="there is no finished cohort here"):
        make(damaged, tmp_path / "out", retry=True)
