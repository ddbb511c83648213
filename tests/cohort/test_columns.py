from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overread.cohort.columns import (
    doubt_source,
    find_columns,
    is_stated,
    parse_age,
    parse_label,
    parse_sex,
    parse_split,
    parse_text,
)
from overread.errors import CohortError

HAM = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
NIH = (
    "Image Index",
    "Finding Labels",
    "Follow-up #",
    "Patient ID",
    "Patient Age",
    "Patient Gender",
    "View Position",
)
ISIC = (
    "isic_id",
    "patient_id",
    "sex",
    "age_approx",
    "anatom_site_general",
    "diagnosis",
    "benign_malignant",
    "target",
)


def find(columns: tuple[str, ...], **said: str) -> dict[str, str]:
    return dict(find_columns(columns, said, where="table 't.csv'"))  # type: ignore[arg-type]


def test_the_columns_of_known_tables_are_found() -> None:
    assert find(HAM) == {
        "image": "image_id",
        "label": "dx",
        "group": "lesion_id",
        "age": "age",
        "sex": "sex",
        "site": "localization",
    }
    assert find(NIH) == {
        "image": "Image Index",
        "label": "Finding Labels",
        "patient": "Patient ID",
        "age": "Patient Age",
        "sex": "Patient Gender",
        "view": "View Position",
    }
    assert find(ISIC)["label"] == "diagnosis"
    assert find(ISIC)["site"] == "anatom_site_general"


def test_what_the_user_says_comes_first() -> None:
    found = find(HAM, patient="lesion_id", label="dx_type", age="")
    assert (found["patient"], found["label"]) == ("lesion_id", "dx_type")
    assert "age" not in found
    assert "group" not in found  # its usual column now says the patient


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(
        CohortError, match=r"table 't.csv': has no column 'patient' for the patient; it has lesion_id"
    ):
        find(HAM, patient="patient")


@pytest.mark.parametrize(
    ("cell", "years"),
    [
        *(("80.0", 80.0), ("80", 80.0), ("0", 0.0), ("0.0", 0.0), ("80,5", 80.5), (" 42 ", 42.0)),
        *(("058Y", 58.0), ("006M", 0.5), ("010y", 10.0), ("730D", pytest.approx(2.0, abs=0.01))),
        *(
            ("", None),
            ("unknown", None),
            ("nan", None),
            ("-3", None),
            ("411", None),
            ("1e2", None),
            ("old", None),
        ),
    ],
)
def test_ages(cell: str, years: float | None) -> None:
    assert parse_age(cell) == years


@given(st.text(max_size=8))
def test_no_age_is_impossible(cell: str) -> None:
    age = parse_age(cell)
    assert age is None or 0 <= age <= 125


@pytest.mark.parametrize(
    ("cell", "sex"),
    [("male", "M"), ("Female", "F"), ("M", "M"), ("f", "F"), ("unknown", None), ("", None), ("other", None)],
)
def test_sexes(cell: str, sex: str | None) -> None:
    assert parse_sex(cell) == sex


def test_what_is_not_stated_is_nothing() -> None:
    assert [is_stated(cell) for cell in ("", " ", "NaN", "unknown", "N/A", "0", "back")] == [False] * 5 + [
        True
    ] * 2
    assert (parse_text("unknown"), parse_text(" back ")) == (None, "back")
    assert (parse_label(""), parse_label("NA"), parse_label("none"), parse_label("0")) == (
        None,
        None,
        "none",
        "0",
    )
    assert [parse_split(cell) for cell in ("Train", "val", "VALIDATION", "test", "fold1")] == [
        "train", "tune", "tune", "test", None,
    ]  # fmt: skip


def test_the_source_and_the_date_are_found_by_usual_names() -> None:
    found = find(("image_id", "dx", "dataset", "Study Date"))
    assert (found["source"], found["date"]) == ("dataset", "Study Date")
    assert "date" not in find(("image", "label", "birth_date", "update"))
    assert "source" not in find(("image", "label", "source_image", "datasets"))


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["vidir_modern", "rosendahl", "", "unknown"] * 5, None),
        (["Hospital A/B", "Hospital C"], None),
        ([f"hospital {at % 40}" for at in range(200)], None),
        ([""], None),
        (["train", "TEST", "val", ""], "it names splits"),
        (["https://example.org/1.jpg", "elsewhere"], "it holds addresses"),
        ([f"scans/{at}.png" for at in range(20)] * 5, "it holds addresses"),
        ([f"record {at}" for at in range(20)], "most of its cells differ"),
    ],
)
def test_a_column_called_source_may_be_something_else(cells: list[str], why: str | None) -> None:
    assert doubt_source(cells) == why
