"""The real tables of the shared folder, where there is one."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from overread.progress import SILENT
from tests.cohort.layouts.sources import listed

SHARED = Path(os.environ.get("OVERREAD_SHARED", Path(__file__).parents[4] / "shared"))
DATA = SHARED / "data"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not DATA.is_dir(), reason="the shared data are not here (OVERREAD_SHARED)"),
]


def test_ham10000_is_complete_and_loses_what_has_no_age_or_sex() -> None:
    listing = listed(DATA / "ham10000", optional=True)
    assert (len(listing.candidates), len({one.group for one in listing.candidates})) == (10_015, 7_470)
    assert {(one.reason, one.file) for one in listing.candidates} == {(None, None)}
    kept = [
        one
        for one in listed(DATA / "ham10000", optional=True, drop_missing=["age", "sex"]).candidates
        if one.reason is None
    ]
    assert Counter(one.label for one in kept) == {
        "nv": 6650,
        "mel": 1111,
        "bkl": 1089,
        "bcc": 514,
        "akiec": 327,
        "vasc": 142,
        "df": 115,
    }
    assert (len(kept), len({one.group for one in kept})) == (9_948, 7_414)


def test_a_split_of_ham10000_by_image_would_show_the_reader_its_test_lesions() -> None:
    # What the tutorial says of studies that divide images: of 80 to 20, lesions of the test are in train too.
    kept = [
        one
        for one in listed(DATA / "ham10000", optional=True, drop_missing=["age", "sex"]).candidates
        if one.reason is None
    ]
    pictures = Counter(one.group for one in kept)
    # An image of the test has no fellow in train where all others of its lesion fell into the test too.
    for label, share in ((None, 0.39), ("mel", 0.68)):
        seen = [1 - 0.2 ** (pictures[one.group] - 1) for one in kept if label in (None, one.label)]
        assert sum(seen) / len(seen) == pytest.approx(share, abs=0.005)


def test_ham10000_has_a_source_where_the_table_says_it() -> None:
    listing = listed(DATA / "ham10000" / "HAM10000_metadata_with_dataset.csv", optional=True)
    assert Counter(one.source for one in listing.candidates).keys() == {
        *("vidir_modern", "rosendahl", "vidir_molemax", "vienna_dias")
    }


def test_the_test_images_of_2018_are_isics() -> None:
    source = DATA / "ham10000" / "ISIC2018_Task3_Test_GroundTruth.csv"
    listing = listed(source, optional=True, exclude={"dataset": ["external"]})
    assert len(listing.candidates) == 1_512
    assert 0 < sum(one.rule == "dataset is external" for one in listing.candidates) < 1_512


def test_nih_is_split_by_patient_as_its_lists_say() -> None:
    listing = listed(DATA / "nih", optional=True)
    assert Counter(one.split for one in listing.candidates) == {
        "train": 78_468,
        "tune": 11_219,
        "test": 22_433,
    }
    sides = {(one.patient, one.split) for one in listing.candidates}
    assert len(sides) == len({one.patient for one in listing.candidates}) == 30_805
    assert {one.view for one in listing.candidates} == {"PA", "AP"}
    assert listing.notes[-1].startswith("181 images have other findings in the lists")


def test_pneumoniamnist_is_unpacked_whole(tmp_path: Path) -> None:
    listing = listed(DATA / "medmnist")
    assert Counter((one.split, one.label) for one in listing.candidates) == {
        ("train", "normal"): 1214,
        ("train", "pneumonia"): 3494,
        ("tune", "normal"): 135,
        ("tune", "pneumonia"): 389,
    }
    assert listing.unpack is not None
    listing.unpack(tmp_path, SILENT)
    assert sum(1 for _ in tmp_path.rglob("*.png")) == 5_232


def test_patches_of_ct_are_not_taken_for_medmnist() -> None:
    with pytest.raises(Exception, match="holds no image"):
        listed(DATA / "luna_patches")
