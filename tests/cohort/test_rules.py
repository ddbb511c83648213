from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from overread.cohort.candidates import Candidate, Listing
from overread.cohort.listing import Files, list_classes
from overread.cohort.rules import clean
from overread.cohort.settings import IngestSettings
from overread.cohort.table_layout import list_rows
from overread.cohort.tables import parse_text
from overread.errors import CohortError

ROWS = """image,dx,dx_type,age,sex,view
a,mel,histo,50,female,PA
b,nv,Confocal ,,male,AP
c,nv,follow_up,0,unknown,PA
d,mel|bcc,consensus,40,male,
e,,histo,40,male,PA
"""


def join(text: str, **settings: object) -> Listing:
    said = IngestSettings(**settings)  # type: ignore[arg-type]
    table = parse_text(text.encode(), path=Path("labels.csv"))
    return list_rows(Files((), (), 0), table, source=Path("/data"), settings=said, images="optional")


def removed(text: str, **settings: object) -> dict[str, str | None]:
    """Image → the rule that removed it."""
    return {one.uri: one.rule for one in join(text, **settings).candidates if one.rule is not None}


@pytest.mark.parametrize(
    ("settings", "gone"),
    [
        ({"drop_missing": ["age"]}, {"b": "age not stated"}),
        ({"drop_missing": ["sex", "age"]}, {"c": "sex not stated", "b": "age not stated"}),
        ({"exclude": {"dx_type": ["confocal"]}}, {"b": "dx_type is confocal"}),
        ({"exclude": {"DX_TYPE": ["x"], "dx_type": ["x"]}}, "DX_TYPE"),
        (
            {"exclude": {"dx_type": ["confocal", " Histo"]}},
            dict.fromkeys("abe", "dx_type is confocal or  Histo"),
        ),
        ({"exclude": {"label": ["bcc"]}}, {"d": "label is bcc"}),
        ({"exclude": {"dx": ["MEL"]}}, {"a": "dx is MEL", "d": "dx is MEL"}),
        ({"exclude": {"sex": ["F"]}}, {"a": "sex is F"}),
        ({"exclude": {"age": ["40.0"]}}, {"d": "age is 40.0", "e": "age is 40.0"}),
        ({"exclude": {"view": [""]}}, {"d": "view is empty"}),
        ({"only": {"view": ["PA"]}}, {"b": "view is not PA", "d": "view is not PA"}),
        ({"only": {"label": ["mel", "bcc", "nv"]}}, {"e": "label is not mel, bcc or nv"}),
        ({"only": {"label": ["bcc"]}}, dict.fromkeys("abce", "label is not bcc")),
    ],
)
def test_rows_are_left_out_by_what_they_say(settings: dict[str, object], gone: dict[str, str] | str) -> None:
    if isinstance(gone, str):
        with pytest.raises(
            CohortError, match=rf"has no column '{gone}', which exclude names; it has image, dx"
        ):
            removed(ROWS, **settings)
    else:
        assert removed(ROWS, **settings) == gone


def test_each_row_counts_for_the_first_rule_that_removes_it() -> None:
    settings: dict[str, object] = {
        "only": {"view": ["PA"]},
        "exclude": {"dx_type": ["confocal", "consensus"], "sex": ["M"]},
        "drop_missing": ["age"],
    }
    assert removed(ROWS, **settings) == {
        "b": "age not stated",
        "d": "dx_type is confocal or consensus",
        "e": "sex is M",
    }
    reasons = {one.uri: one.reason for one in join(ROWS, **settings).candidates}
    assert reasons == {"a": None, "b": "incomplete-row", "c": None, "d": "excluded", "e": "excluded"}


def test_what_a_rule_did_is_said_in_a_sentence() -> None:
    details = {
        one.uri: one.detail
        for one in join(ROWS, drop_missing=["age"], exclude={"dx_type": ["consensus"]}).candidates
    }
    assert details["b"] == "its row says nothing in the column age"
    assert details["d"] == "its row is left out by a rule: dx_type is consensus"


def test_a_rule_or_a_value_that_nothing_meets_is_told() -> None:
    listing = join(ROWS, exclude={"dx_type": ["histo", "confocl"]}, only={"image": list("abcde")})
    assert listing.notes == (
        "the rule exclude.dx_type names 'confocl', which no row says",
        "the rule 'image is not a, b, c, d or e' removes nothing",
    )
    assert join(ROWS, drop_missing=["image"]).notes == ("the rule 'image not stated' removes nothing",)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"exclude": {"absent": ["x"]}},
            "has no column 'absent', which exclude names; it has image, dx, dx_type",
        ),
        ({"only": {"absent": ["x"]}}, "has no column 'absent', which only names"),
        ({"drop_missing": ["absent"]}, "has no column 'absent', which drop_missing names"),
        ({"exclude": {"dx": []}}, r'the rule exclude.dx names no value; write exclude.dx = \["VALUE"\]'),
    ],
)
def test_rules_that_cannot_be_meant_are_one_sentence(settings: dict[str, object], said: str) -> None:
    with pytest.raises(CohortError, match=said):
        join(ROWS, **settings)


def test_a_finding_left_out_takes_the_image_with_it_though_another_row_names_it_too() -> None:
    text = "image,label\na,Mass\na,Hernia\nb,Mass\n"
    assert removed(text, exclude={"label": ["hernia"]}) == {"a": "label is hernia"}


def test_only_keeps_one_of_two_readers_rows_but_settles_no_contradiction() -> None:
    text = "image,label,reader\na,mel,one\na,nv,two\nb,nv,two\n"
    chosen = join(text, only={"reader": ["one"]}).candidates
    assert [(one.uri, one.label, one.rule) for one in chosen] == [
        ("a", "mel", None),
        ("b", "nv", "reader is not one"),
    ]
    contradicting = join(text, only={"label": ["mel"]}).candidates
    assert [(one.uri, one.reason) for one in contradicting] == [("a", "conflicting-label"), ("b", "excluded")]


def test_folders_have_rules_for_their_classes_and_splits() -> None:
    files = Files(("test/a/1.jpg", "train/a/1.jpg", "train/b/2.jpg", "train/loose.jpg"), (), 0)
    listed = list_classes(files).candidates
    said = IngestSettings(exclude={"split": ("TEST",)}, only={"label": ("a",)})
    candidates, notes = clean(listed, said, where="source 'x'")
    assert [one.rule for one in candidates] == ["split is TEST", None, "label is not a", None]
    assert [one.reason for one in candidates][-1] == "no-label"  # what was wrong before stays wrong for that
    assert notes == ()
    with pytest.raises(
        CohortError, match="only names 'sex', but the source has no table; it states the label"
    ):
        clean(listed, IngestSettings(only={"sex": ("F",)}), where="source 'x'")


def test_nothing_is_lost_by_rules() -> None:
    listing = join(ROWS, drop_missing=["age", "sex"], exclude={"view": ["AP"]}, only={"dx": ["nv"]})
    assert Counter(one.uri for one in listing.candidates) == Counter("abcde")
    assert all((one.reason is None) == (one.detail is None) for one in listing.candidates)
    assert isinstance(listing.candidates[0], Candidate)
