from __future__ import annotations

from pathlib import Path

import pytest

from overread.cohort.candidates import Candidate
from overread.errors import CohortError
from tests.cohort.layouts.sources import HAM, lay, listed

IMAGES = [f"HAM10000_images_part_{1 + at // 2}/ISIC_{at + 1}.jpg" for at in range(4)]


def test_two_folders_of_images_join_the_metadata(tmp_path: Path) -> None:
    listing = listed(lay(tmp_path, images=IMAGES, HAM10000_metadata__csv=HAM))
    assert [one.file for one in listing.candidates] == IMAGES
    assert listing.candidates[0] == Candidate(
        *(IMAGES[0], IMAGES[0], "mel", None, "HAM_1", None, 80.0, "M", "scalp")
    )
    assert listing.candidates[3] == Candidate(
        *(IMAGES[3], IMAGES[3], "bkl", None, "HAM_3", None, 0.0, None, None)
    )


@pytest.mark.parametrize("name", ["HAM10000_metadata", "HAM10000_metadata.tab", "ham10000_metadata.csv"])
def test_the_table_is_known_by_all_its_names(tmp_path: Path, name: str) -> None:
    text = HAM.replace(",", "\t") if name.endswith(".tab") else HAM
    (lay(tmp_path) / name).write_text(text)
    for source in (tmp_path, tmp_path / name):
        assert [one.label for one in listed(source, optional=True).candidates] == ["mel", "mel", "nv", "bkl"]


def test_the_plain_table_is_taken_and_one_with_a_dataset_on_demand(tmp_path: Path) -> None:
    more = "\n".join(
        line + (",dataset" if at == 0 else ",rosendahl") for at, line in enumerate(HAM.strip().split("\n"))
    )
    truth = HAM.replace("HAM_", "HAMTEST_")
    lay(
        tmp_path,
        HAM10000_metadata__csv=HAM,
        HAM10000_metadata_more__csv=more,
        ISIC2018_Task3_Test_GroundTruth__csv=truth,
    )
    plain = listed(tmp_path, optional=True)
    assert ({one.group for one in plain.candidates}, "source" in plain.columns) == (
        {"HAM_1", "HAM_2", "HAM_3"},
        False,
    )
    for settings in ({"table": tmp_path / "HAM10000_metadata_more.csv"}, {}):
        source = tmp_path if settings else tmp_path / "HAM10000_metadata_more.csv"
        asked = listed(source, optional=True, layout="ham10000", **settings)
        assert {one.source for one in asked.candidates} == {"rosendahl"}
    (tmp_path / "HAM10000_metadata.csv").rename(tmp_path / "HAM10000_metadata_old.csv")
    with pytest.raises(
        CohortError, match=r"several tables are called HAM10000_metadata: HAM10000_metadata_more.csv"
    ):
        listed(tmp_path, optional=True)


def test_columns_that_the_user_names_go_before_the_layouts(tmp_path: Path) -> None:
    lay(tmp_path, HAM10000_metadata__csv=HAM)
    listing = listed(tmp_path, optional=True, columns={"label": "dx_type", "group": ""})
    assert [(one.label, one.group) for one in listing.candidates][2] == ("confocal", None)


def test_kaggles_second_copy_of_each_folder_is_left_aside(tmp_path: Path) -> None:
    twins = [path.lower() for path in IMAGES]
    twins = [path.replace("isic_", "ISIC_") for path in twins]
    listing = listed(lay(tmp_path, images=IMAGES + twins, HAM10000_metadata__csv=HAM))
    assert [one.file for one in listing.candidates] == IMAGES
    assert listing.ignored == 5
    assert listing.notes == (
        "4 images lie in two folders whose names differ in nothing but case; one is used",
    )
    (tmp_path / twins[0]).write_bytes(b"another")  # now it is not the same picture
    other = listed(tmp_path)
    assert [one.reason for one in other.candidates if one.uri in ("ISIC_1", twins[0])] == [
        "missing-file",
        "no-label",
    ]


def test_metadata_without_a_single_image_can_be_explored_but_not_ingested(tmp_path: Path) -> None:
    lay(tmp_path, HAM10000_metadata__csv=HAM)
    assert {(one.reason, one.file) for one in listed(tmp_path, optional=True).candidates} == {(None, None)}
    with pytest.raises(CohortError, match="none of its 4 rows names a file of"):
        listed(tmp_path)


def test_rules_are_applied(tmp_path: Path) -> None:
    lay(tmp_path, HAM10000_metadata__csv=HAM)
    listing = listed(tmp_path, optional=True, drop_missing=["age", "sex"], exclude={"dx_type": ["follow_up"]})
    assert [one.rule for one in listing.candidates] == [None, None, "age not stated", "sex not stated"]


def test_without_the_table_the_name_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="no table HAM10000_metadata with the columns lesion_id"):
        listed(lay(tmp_path, images=IMAGES), layout="ham10000")
