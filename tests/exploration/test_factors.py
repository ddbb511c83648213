"""What is known of images beside what they show."""

from __future__ import annotations

import math

import numpy as np
import pytest

from overread.exploration.factors import NOT_STATED, Column, Factor, find_factors, name_pattern
from overread.exploration.subject import Subject
from tests.exploration.audited import subject


def factors(made: Subject) -> dict[str, Factor]:
    return {factor.name: factor for factor in find_factors(made)}


@pytest.mark.parametrize(
    ("uri", "pattern"),
    [
        ("00001281_000.png", "9_9.png"),
        ("a/b/00001281_000.png", "9_9.png"),
        ("a\\b\\IMG-1.JPEG", "a-9.jpeg"),
        ("person1_bacteria_2.jpeg", "a9_a_9.jpeg"),
        ("ISIC_0024306.jpg", "a_9.jpg"),
        ("5436e3acbae478396759f0d1-UDA-1.jpeg", "#-a-9.jpeg"),
        ("03BF7561-A9BA-4C3C-B8A0-D3E585F73F3C.jpg", "#.jpg"),
        ("deadbeef.png", "a.png"),
        ("20240131.png", "9.png"),
        ("Röntgen 3.tif", "a 9.tif"),
        ("1.2.840.113619", "9.9.9.9"),
        ("no ending", "a a"),
        (".png", ".a"),
        ("", ""),
    ],
)
def test_names_become_patterns(uri: str, pattern: str) -> None:
    assert name_pattern(uri) == pattern


def test_the_folder_of_an_image_is_no_factor() -> None:
    labels = [0, 1] * 20
    made = subject(labels, uri=[f"{'sick' if one else 'well'}/{at}.png" for at, one in enumerate(labels)])
    assert factors(made) == {}


def test_the_label_and_the_split_are_no_factors() -> None:
    labels = [0, 1] * 20
    words = ["sick" if one else "well" for one in labels]
    sides = ["train" if one else "test" for one in labels]
    assert factors(subject(labels, label=words, split=sides, group_id=words, date=words)) == {}


def test_what_is_the_same_for_all_images_is_left_out() -> None:
    made = subject(
        [0, 1, 0, 1],
        width=[30, 40, 30, 40],
        height=[15, 20, 15, 20],
        device=["a"] * 4,
        measured={"file_bytes": [10, 20, 30, 40], "jpeg_quality": [90.0] * 4},
    )
    found = factors(made)
    assert list(found) == ["image-size", "file-size", "image"]
    assert [column.what for column in found["image-size"].columns] == ["size", "width", "height"]


def test_measurements_follow_the_images_whatever_the_order() -> None:
    made = subject(
        [0, 1, 0], order=[2, 0, 1], measured={"border_red": [1.0, 2.0, None], "file_bytes": [7, 8, 9]}
    )
    found = factors(made)
    assert found["file-size"].columns[0].values.tolist() == [9, 7, 8]
    red = found["border"].columns[0].values
    assert math.isnan(red[0])
    assert red[1:].tolist() == [1, 2]


def test_an_image_without_measurements_has_none() -> None:
    made = subject([0, 1, 0], measured={"file_bytes": [7, 8, 9]})
    assert made.measurements is not None
    fewer = Subject(made.card, made.table, made.rejects, measurements=made.measurements.slice(1))
    values = factors(fewer)["file-size"].columns[0].values
    assert math.isnan(values[0])
    assert values[1:].tolist() == [8, 9]


def test_missing_words_are_a_level_of_their_own() -> None:
    (column,) = factors(subject([0, 1, 0], view=["AP", None, "AP"]))["view"].columns
    assert [column.levels[int(code)] for code in column.values] == ["AP", NOT_STATED, "AP"]


def test_age_is_asked_where_it_is_stated_and_that_it_is_missing_elsewhere() -> None:
    found = factors(subject([0, 1, 0, 1], age=[30.0, None, 40.0, None], sex=["F", "M", None, "F"]))
    assert found["age"].stated.tolist() == [True, False, True, False]
    assert found["sex"].stated.tolist() == [True, True, False, True]
    assert found["metadata"].stated.tolist() == [True, False, False, False]
    told = [column.what for column in found["missing-metadata"].columns]
    assert told == ["age stated", "sex stated"]


def test_an_age_that_is_one_or_missing_is_no_factor() -> None:
    assert "age" not in factors(subject([0, 1, 0], age=[30.0, None, 30.0]))


def test_whether_the_patient_is_known_counts_as_metadata() -> None:
    made = subject([0, 1, 0, 1], patients=["p", "p", "i0002", "i0003"])
    (column,) = factors(made)["missing-metadata"].columns
    assert column.what == "patient stated"
    assert column.values[0] == column.values[1] != column.values[2] == column.values[3]


def test_grey_borders_are_one_brightness() -> None:
    grey = [1.0, 2.0, None]
    borders = {f"border_{name}": grey for name in ("red", "green", "blue")}
    (column,) = factors(subject([0, 1, 0], measured=borders))["border"].columns
    assert column.told == "have a border of brightness {}"
    coloured = borders | {"border_blue": [5.0, 2.0, 1.0]}
    assert len(factors(subject([0, 1, 0], measured=coloured))["border"].columns) == 3


def test_several_factors_are_asked_together_by_family() -> None:
    found = factors(
        subject([0, 1] * 3, view=["AP", "PA"] * 3, device=["x", "x", "y"] * 2, age=[1.0, 2.0] * 3)
    )
    assert [column.what for column in found["image"].columns] == ["device", "view"]
    assert [factor.family for factor in found.values()] == ["image", "image", "image", "metadata"]
    assert "metadata" not in found  # age is alone


def test_a_constant_column_may_be_missing_throughout() -> None:
    assert Column("x", np.full(3, np.nan)).constant
    assert Column("x", np.array([2.0, 2.0])).constant
    assert Column("x", np.array([])).constant
    assert not Column("x", np.array([2.0, np.nan])).constant


def test_where_no_source_is_stated_names_and_gaps_tell_it() -> None:
    ages = [30.0, None, 40.0, None]
    inferred = factors(subject([0, 1, 0, 1], age=ages))["source"]
    assert [column.what for column in inferred.columns] == ["age stated"]
    assert "missing metadata" in inferred.title
    stated = factors(subject([0, 1, 0, 1], age=ages, source=["A", "B", "A", "B"]))["source"]
    assert [column.what for column in stated.columns] == ["source"]
