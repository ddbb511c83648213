from __future__ import annotations

from pathlib import Path

import pytest

from overread.cohort.layouts import detect_layout
from overread.cohort.settings import IngestSettings
from overread.errors import CohortError
from tests.cohort.layouts.sources import HAM, lay, listed

ARCHIVE = """isic_id,attribution,copyright_license,age_approx,anatom_site_general,benign_malignant,diagnosis,\
image_type,lesion_id,patient_id,sex
ISIC_1,Kiel,CC-0,45,head/neck,malignant,melanoma,dermoscopic,IL_1,IP_1,male
ISIC_2,Jena,CC-BY,,,benign,nevus,clinical: close-up,IL_2,IP_1,female
"""
NEW_ARCHIVE = (
    "isic_id,diagnosis_1,diagnosis_2,diagnosis_3\nISIC_1,Malignant,A,Melanoma\nISIC_2,Benign,B,Nevus\n"
)
TRUTH = (
    "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\nISIC_1,1.0,0.0,0,0,0,0,0\nISIC_2,0,0,0,0,0,0,1.0\nISIC_3,,,,,,,\n"
)
TRUTH_2019 = """image,MEL,NV,BCC,AK,BKL,DF,VASC,SCC,UNK
ISIC_1,1.0,0,0,0,0,0,0,0,0
ISIC_2_downsampled,0,0,0,0,0,0,0,0,1
"""
GROUPS = (
    "image,lesion_id,diagnosis_confirm_type\nISIC_1,HAM_1,histo\nISIC_2,HAM_2,confocal\nISIC_9,HAM_9,histo\n"
)
KAGGLE = """image_name,patient_id,sex,age_approx,anatom_site_general_challenge,diagnosis,benign_malignant,\
target
ISIC_1,IP_1,male,45.0,torso,unknown,benign,0
ISIC_2,IP_2,female,50.0,head/neck,melanoma,malignant,1
"""


def said(source: Path, **settings: object) -> list[tuple[str, str | None, str | None]]:
    return [(one.uri, one.label, one.group) for one in listed(source, optional=True, **settings).candidates]


def test_the_archives_export_is_read(tmp_path: Path) -> None:
    lay(tmp_path, images=["images/ISIC_1.jpg", "images/ISIC_2.jpg"], metadata__csv=ARCHIVE)
    assert detect_layout(tmp_path, IngestSettings()).name == "isic"
    listing = listed(tmp_path)
    first, second = listing.candidates
    assert (first.label, first.patient, first.group, first.age, first.sex) == (
        *("malignant", "IP_1", "IL_1"),
        *(45.0, "M"),
    )
    assert (first.site, first.view, first.source) == ("head/neck", "dermoscopic", "Kiel")
    assert (second.age, second.site, second.view) == (None, None, "clinical: close-up")
    assert listing.notes == (
        "labels are those of the column 'benign_malignant'; for another set columns.label to one of "
        "diagnosis",
    )
    assert [label for _, label, _ in said(tmp_path, columns={"label": "diagnosis"})] == ["melanoma", "nevus"]


def test_the_archives_newer_export_has_diagnoses_in_steps(tmp_path: Path) -> None:
    lay(tmp_path, metadata__csv=NEW_ARCHIVE)
    assert [label for _, label, _ in said(tmp_path)] == ["Malignant", "Benign"]
    assert [label for _, label, _ in said(tmp_path, columns={"label": "diagnosis_3"})] == [
        "Melanoma",
        "Nevus",
    ]


def test_a_label_column_that_says_nothing_is_not_taken(tmp_path: Path) -> None:
    lay(tmp_path, metadata__csv="isic_id,benign_malignant,diagnosis\nISIC_1,,nevus\nISIC_2,,melanoma\n")
    assert [label for _, label, _ in said(tmp_path)] == ["nevus", "melanoma"]


def test_the_ground_truth_of_2018_is_joined_with_its_groupings(tmp_path: Path) -> None:
    lay(tmp_path / "ISIC2018_Task3_Training_Input", images=["ISIC_1.jpg", "ISIC_2.jpg", "ISIC_3.jpg"])
    lay(tmp_path / "ISIC2018_Task3_Training_GroundTruth", ISIC2018_Task3_Training_GroundTruth__csv=TRUTH)
    lay(tmp_path, ISIC2018_Task3_Training_LesionGroupings__csv=GROUPS)
    listing = listed(tmp_path)
    assert [(one.label, one.group, one.reason, one.split) for one in listing.candidates] == [
        ("MEL", "HAM_1", None, None),
        ("VASC", "HAM_2", None, None),
        (None, None, "no-label", None),
    ]
    assert listing.notes == ("joined with ISIC2018_Task3_Training_LesionGroupings.csv",)
    only = listed(tmp_path, only={"diagnosis_confirm_type": ["histo"]})
    assert [one.reason for one in only.candidates] == [None, "excluded", "excluded"]


def test_the_tables_of_three_splits_are_one(tmp_path: Path) -> None:
    lay(
        tmp_path,
        ISIC2018_Task3_Training_GroundTruth__csv=TRUTH,
        ISIC2018_Task3_Validation_GroundTruth__csv=TRUTH.replace("ISIC_", "ISIC_1"),
        ISIC2018_Task3_Test_GroundTruth__csv=TRUTH.replace("ISIC_", "ISIC_2"),
        ISIC2018_Task3_Training_LesionGroupings__csv=GROUPS,
    )
    splits = {one.uri: one.split for one in listed(tmp_path, optional=True).candidates}
    assert (splits["ISIC_1"], splits["ISIC_11"], splits["ISIC_21"]) == ("train", "tune", "test")
    one = listed(
        tmp_path, optional=True, table=tmp_path / "ISIC2018_Task3_Training_GroundTruth.csv", layout="isic"
    )
    assert ([two.split for two in one.candidates], one.candidates[0].group) == ([None] * 3, "HAM_1")


def test_the_ground_truth_of_2019_knows_unknown_and_is_joined_with_metadata(tmp_path: Path) -> None:
    lay(
        tmp_path,
        images=["ISIC_2019_Training_Input/ISIC_1.jpg", "ISIC_2019_Training_Input/ISIC_2_downsampled.jpg"],
        ISIC_2019_Training_GroundTruth__csv=TRUTH_2019,
        ISIC_2019_Training_Metadata__csv="image,age_approx,anatom_site_general,lesion_id,sex\n"
        "ISIC_1,55.0,anterior torso,MSK4_1,female\nISIC_2_downsampled,,,,\n",
        ISIC_2019_Test_Metadata__csv="image,age_approx,anatom_site_general,sex\nISIC_1,33,,male\n",
    )
    first, second = listed(tmp_path).candidates
    assert (first.label, first.age, first.site, first.group, first.sex) == (
        *("MEL", 55.0, "anterior torso"),
        *("MSK4_1", "F"),
    )
    assert (second.label, second.group) == ("UNK", None)


@pytest.mark.parametrize("name", ["train.csv", "ISIC_2020_Training_GroundTruth.csv"])
def test_the_table_of_2020_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(KAGGLE)
    lay(tmp_path, images=["train/ISIC_1.jpg", "train/ISIC_2.jpg"])
    first, second = listed(tmp_path).candidates
    assert (first.label, second.label, second.patient, second.site) == (
        "benign",
        "malignant",
        "IP_2",
        "head/neck",
    )
    assert [label for _, label, _ in said(tmp_path, columns={"label": "target"})] == ["0", "1"]


def test_the_second_edition_of_2020_says_more_and_is_taken(tmp_path: Path) -> None:
    lines = KAGGLE.strip().split("\n")
    second = "\n".join(line + (",lesion_id" if not at else f",IL_{at}") for at, line in enumerate(lines))
    lay(tmp_path, ISIC_2020_Training_GroundTruth__csv=KAGGLE, ISIC_2020_Training_GroundTruth_v2__csv=second)
    assert [group for _, _, group in said(tmp_path)] == ["IL_1", "IL_2"]


def test_the_test_table_of_2018_as_dataverse_gives_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "ISIC2018_Task3_Test_GroundTruth.csv"
    path.write_text(HAM.replace("HAM_", "HAMTEST_"))
    for source in (tmp_path, path):
        assert said(source)[2] == ("ISIC_3", "nv", "HAMTEST_2")


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (
            {"metadata__csv": ARCHIVE, "train__csv": KAGGLE},
            r"several tables of ISIC were found: metadata.csv, train.csv; say which",
        ),
        (
            {
                "ISIC_2019_Training_GroundTruth__csv": TRUTH_2019,
                "ISIC2018_Task3_Training_GroundTruth__csv": TRUTH,
            },
            r"several tables of ground truth were found: ISIC2018_Task3_Training_GroundTruth.csv, ISIC_2019",
        ),
        (
            {"truth__csv": TRUTH.replace("1.0,0.0", "1.0,1")},
            r"truth.csv', row 1: expected one class, got MEL and NV",
        ),
        (
            {"truth__csv": TRUTH.replace("1.0,0.0", "yes,no")},
            r"truth.csv', row 1: expected 0 or 1 in the columns",
        ),
        (
            {
                "truth__csv": TRUTH,
                "groups__csv": GROUPS,
                "metadata__csv": "image,lesion_id,age_approx\nISIC_1,HAM_7,50\n",
            },
            r"metadata.csv': says something else in the column 'lesion_id' than the table beside it",
        ),
        ({"notes__csv": "image_id,label\na,b\n"}, "no table of ISIC was found"),
    ],
)
def test_tables_that_contradict_each_other_are_one_sentence(
    tmp_path: Path, texts: dict[str, str], message: str
) -> None:
    with pytest.raises(CohortError, match=message):
        listed(lay(tmp_path, **texts), layout="isic")


def test_a_table_of_somebody_elses_is_not_taken_for_isics(tmp_path: Path) -> None:
    lay(tmp_path, images=["a.jpg"], mine__csv="image_name,diagnosis\na,x\n")
    assert detect_layout(tmp_path, IngestSettings()).name == "table"
