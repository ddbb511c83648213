from __future__ import annotations

from pathlib import Path

import pytest

from overread.cohort.layouts.nih import FINDINGS
from overread.errors import CohortError
from tests.cohort.layouts.sources import NIH, lay, listed


def vector(*findings: str) -> str:
    return " ".join(str(int(name in findings)) for name in FINDINGS)


def splits(source: Path, **settings: object) -> dict[str, str | None]:
    candidates = listed(source, optional=True, **settings).candidates
    return {one.uri: one.split or one.reason for one in candidates}


def test_what_the_table_says_is_kept(tmp_path: Path) -> None:
    images = ["images_001/images/1_0.png", "images_002/images/2_0.png"]
    listing = listed(lay(tmp_path, images=images, Data_Entry_2017__csv=NIH))
    said = {one.uri: one for one in listing.candidates}
    first = said[images[0]]
    assert (first.label, first.patient, first.age, first.sex, first.view) == (
        "Mass|Edema",
        "1",
        58.0,
        "M",
        "PA",
    )
    assert said[images[1]].age is None  # nobody is 413 years old
    assert (said["3_0.png"].reason, said["3_0.png"].age) == ("missing-file", 0.5)
    assert first.split is None


def test_the_official_lists_give_the_split(tmp_path: Path) -> None:
    lay(
        tmp_path,
        Data_Entry_2017_v2020__csv__gz=NIH,
        train_val_list__txt="1_0.png\n1_1.png\n",
        test_list__txt="2_0.png\n3_0.png",
    )
    given = {"1_0.png": "train", "1_1.png": "train", "2_0.png": "test", "3_0.png": "test"}
    assert splits(tmp_path) == given
    assert splits(tmp_path / "Data_Entry_2017_v2020.csv.gz") == given
    assert listed(tmp_path, optional=True).notes == (
        "the split is that of train_val_list.txt, test_list.txt",
    )
    assert set(splits(tmp_path, columns={"split": ""}).values()) == {None}


def test_lists_with_labels_give_the_split_and_the_table_the_labels(tmp_path: Path) -> None:
    lay(
        tmp_path,
        Data_Entry_2017__csv=NIH,
        train_list__txt__gz=f"1_0.png {vector('Edema', 'Mass')}\n1_1.png {vector('Mass')}\n",
        val_list__txt__gz=f"2_0.png {vector('Hernia')}\n",
        test_list__txt__gz=f"3_0.png {vector()}\n",
    )
    listing = listed(tmp_path, optional=True)
    assert [(one.label, one.split) for one in listing.candidates] == [
        ("Mass|Edema", "train"),
        ("No Finding", "train"),
        ("Hernia", "tune"),
        ("Mass", "test"),
    ]
    assert (
        listing.notes[1] == "2 images have other findings in the lists than in the table, which is followed"
    )


def test_an_image_that_no_list_names_is_rejected_or_for_training(tmp_path: Path) -> None:
    lay(tmp_path, Data_Entry_2017__csv=NIH, test_list__txt="2_0.png\n")
    assert splits(tmp_path)["3_0.png"] == "train"
    assert "3 images that no list names are taken for train" in listed(tmp_path, optional=True).notes
    lay(tmp_path, train_val_list__txt="1_0.png\n1_1.png\n")
    assert splits(tmp_path)["3_0.png"] == "incomplete-row"


def test_finer_lists_go_before_the_official_one(tmp_path: Path) -> None:
    lay(
        tmp_path,
        Data_Entry_2017__csv=NIH,
        train_val_list__txt="1_0.png\n1_1.png\n2_0.png\n",
        train_list__txt="1_0.png\n1_1.png",
        val_list__txt="2_0.png",
        test_list__txt="3_0.png",
    )
    assert list(splits(tmp_path).values()) == ["train", "train", "tune", "test"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1_0.png\n", "line 1: names an image that another list gives to train; leave one of the lists out"),
        ("3_0.png\n2_0.png 1 0\n", "line 2: expected an image's name, or one and 14 labels, got 3 words"),
        ("2_0.png " + vector().replace("0", "x"), "line 1: expected an image's name, or one and 14 labels"),
    ],
)
def test_lists_that_cannot_be_right_are_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    lay(tmp_path, Data_Entry_2017__csv=NIH, train_val_list__txt="1_0.png\n1_1.png", test_list__txt=text)
    with pytest.raises(CohortError, match=rf"test_list.txt': {said}"):
        listed(tmp_path, optional=True)


def test_the_revision_of_2020_goes_before_the_first_table(tmp_path: Path) -> None:
    lay(tmp_path, Data_Entry_2017__csv=NIH, Data_Entry_2017_v2020__csv=NIH.replace("413Y", "13"))
    assert [one.age for one in listed(tmp_path, optional=True).candidates] == [58.0, 59.0, 13.0, 0.5]
    lay(tmp_path / "two", a__csv=NIH, b__csv=NIH)
    with pytest.raises(CohortError, match=r"several tables of findings were found: a.csv, b.csv; say which"):
        listed(tmp_path / "two", optional=True)


def test_one_finding_of_several_excludes_an_image(tmp_path: Path) -> None:
    lay(tmp_path, Data_Entry_2017__csv=NIH)
    listing = listed(tmp_path, optional=True, exclude={"label": ["edema"]}, only={"View Position": ["pa"]})
    assert [one.rule for one in listing.candidates] == [
        "label is edema",
        "View Position is not pa",
        None,
        None,
    ]
