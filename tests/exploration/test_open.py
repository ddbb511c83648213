"""Cohorts, folders and tables as subjects; the published tables give the published numbers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from overread.cohort import Cohort, IngestSettings, ingest
from overread.cohort.layouts import list_source
from overread.engine import LocalEngine
from overread.exploration.open import open_subject
from overread.exploration.subject import Subject
from tests.cohort.pictures import picture, write_class_folders, write_patients, write_table
from tests.cohort.test_shared_data import SHARED

DATA = SHARED / "data"
shared = [
    pytest.mark.shared,
    pytest.mark.skipif(not DATA.is_dir(), reason="the shared data are not here (OVERREAD_SHARED)"),
]


def explore(source: Path, work: Path, **settings: object) -> Subject:
    said = IngestSettings(**settings)  # type: ignore[arg-type]
    return open_subject(source, settings=said, work=work, engine=LocalEngine(1))


def test_a_cohort_is_opened_as_it_is(tmp_path: Path) -> None:
    source = write_class_folders(tmp_path / "skin", {"benign": 9, "malignant": 9})
    made = ingest(source, tmp_path / "cohort", settings=IngestSettings(seed=3), engine=LocalEngine(1))
    subject = explore(tmp_path / "cohort", tmp_path / "work", seed=5)
    assert subject.card == made.card
    assert subject.images_of is not None
    assert subject.measurements is not None
    assert subject.measurements["image_id"].to_pylist() == sorted(made.table()["image_id"].to_pylist())
    assert not (tmp_path / "work").exists()


def test_a_folder_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_class_folders(tmp_path / "skin", {"benign": 9, "malignant": 9})
    listed = []

    def once(*arguments: object, **settings: object) -> object:
        listed.append(arguments[0])
        return list_source(*arguments, **settings)  # type: ignore[arg-type]

    for place in ("overread.exploration.open", "overread.cohort.ingest"):
        monkeypatch.setattr(sys.modules[place], "list_source", once)  # the function `ingest` hides its module
    explore(source, tmp_path / "work")
    assert listed == [source]


def test_a_folder_is_read_but_its_images_are_not_copied(tmp_path: Path) -> None:
    source = write_class_folders(tmp_path / "skin", {"benign": 9, "malignant": 9})
    (source / "benign" / "x.jpg").write_bytes(b"no image")
    subject = explore(source, tmp_path / "work")
    assert (subject.card.found, subject.card.read, subject.card.embedded) == (19, 18, False)
    assert subject.rejects["reason"].to_pylist() == ["not-an-image"]
    assert subject.images_of is not None
    assert list(subject.images_of(["benign/000"])) == ["benign/000"]


def test_leakage_is_shown_and_stops_nothing(tmp_path: Path) -> None:
    source = write_class_folders(tmp_path / "set" / "train", {"benign": 6, "malignant": 6})
    test = write_class_folders(tmp_path / "set" / "test", {"benign": 6, "malignant": 6}, first=100)
    (test / "benign" / "x.jpg").write_bytes((source / "benign" / "000.jpg").read_bytes())
    subject = explore(tmp_path / "set", tmp_path / "work")
    assert [leak.kind for leak in subject.card.leakage] == ["file"]
    assert subject.card.accepted_leakage == ()  # showing is not accepting
    assert subject.duplicates is not None
    assert subject.duplicates.to_pylist()[0]["how"] == "same bytes"


def test_a_table_without_images_is_divided_all_the_same(tmp_path: Path) -> None:
    rows = write_patients(tmp_path / "images", patients=15)
    table = write_table(tmp_path / "alone" / "metadata.csv", rows)
    subject = explore(table, tmp_path / "work")
    assert (subject.card.found, subject.card.read, subject.card.patients) == (30, 30, 15)
    assert subject.card.name == "metadata"
    assert (subject.images_of, subject.measurements, subject.card.near_duplicates) == (None, None, None)
    assert set(subject.table["width"].to_pylist()) == {None}
    # The split is the one that the images will have.
    write_table(tmp_path / "images" / "metadata.csv", rows)
    made: Cohort = ingest(
        tmp_path / "images",
        tmp_path / "cohort",
        settings=IngestSettings(near_duplicates=False),
        engine=LocalEngine(1),
    )
    ours = dict(zip(subject.table["image_id"].to_pylist(), subject.table["split"].to_pylist(), strict=True))
    theirs = made.table(["image_id", "split"]).to_pylist()
    assert ours == {row["image_id"]: row["split"] for row in theirs}


def test_a_few_images_of_many_rows_are_no_table_without_images(tmp_path: Path) -> None:
    rows = write_patients(tmp_path / "images", patients=15)
    for path in sorted((tmp_path / "images").glob("*_1.jpg")):
        path.unlink()
    write_table(tmp_path / "images" / "labels.csv", rows)
    (tmp_path / "images" / "extra.jpg").write_bytes(picture(1))
    subject = explore(tmp_path / "images", tmp_path / "work")
    assert subject.card.reject_reasons == {"missing-file": 15, "no-label": 1}


class TestPublishedTables:
    """Figures that others published for these tables."""

    pytestmark = shared

    def test_ham10000_without_missing_age_or_sex(self, tmp_path: Path) -> None:
        subject = explore(DATA / "ham10000", tmp_path, drop_missing=("age", "sex"))
        card = subject.card
        assert (card.found, card.read, card.groups) == (10_015, 9_948, 7_414)
        counts = {name: sum(of[name] for of in card.counts.values()) for name in card.classes}
        expected = {"nv": 6650, "mel": 1111, "bkl": 1089, "bcc": 514, "akiec": 327, "vasc": 142, "df": 115}
        assert counts == expected
        assert [(step.what, step.left) for step in card.flow] == [
            ("age not stated", 9_958),
            ("sex not stated", 9_948),
        ]
        assert card.leakage == ()

    def test_a_random_split_of_ham10000_tears_lesions_apart(self, tmp_path: Path) -> None:
        subject = explore(DATA / "ham10000", tmp_path, split_by="image")
        [leak] = subject.card.leakage
        rows = subject.table.select(["group_id", "split"]).to_pylist()
        torn: dict[str, set[str]] = {}
        for row in rows:
            torn.setdefault(row["group_id"], set()).add(row["split"])
        assert leak.kind == "group"
        assert leak.count == sum(len(on) > 1 for on in torn.values()) > 1000
        assert f"{leak.count:,} lesions" in leak.sentence

    @pytest.mark.slow
    def test_nih_by_its_own_lists_and_by_image(self, tmp_path: Path) -> None:
        own = explore(DATA / "nih", tmp_path).card
        assert (own.found, own.read, own.patients, len(own.classes)) == (112_120, 112_120, 30_805, 14)
        assert own.split_counts == {"train": 78_468, "tune": 11_219, "test": 22_433}
        assert (own.split_given, own.leakage) == (True, ())
        shares = {"train": 0.7, "tune": 0.0, "test": 0.3}
        torn = explore(DATA / "nih", tmp_path, split_by="image", columns={"split": ""}, split=shares)
        [leak] = torn.card.leakage
        places: dict[str, set[str]] = {}
        for row in torn.table.select(["patient_id", "split"]).to_pylist():
            places.setdefault(row["patient_id"], set()).add(row["split"])
        assert (leak.kind, leak.count) == ("patient", sum(len(on) > 1 for on in places.values()))
        assert leak.count > 9_000
