from __future__ import annotations

from overread.cohort.flow import flow_of
from overread.exploration.flow_chart import phases
from tests.exploration.subjects import make_subject


def flowing(*reasons):
    return make_subject(images=False, flow=flow_of(100, list(reasons))).card


def test_few_steps_stand_alone_in_their_own_words() -> None:
    made = phases(flowing(("incomplete-row", "age not stated"), ("damaged", None)))
    assert [(one.title, one.removed, one.left) for one in made] == [
        ("damaged", 1, 99),
        ("age not stated", 1, 98),
    ]


def test_many_steps_are_put_together_by_their_nature_and_lose_none() -> None:
    card = flowing(
        *[("damaged", None)] * 3,
        ("truncated", None),
        ("incomplete-row", "age not stated"),
        ("excluded", "view is AP"),
        ("no-label", None),
    )
    made = phases(card)
    assert [one.title for one in made] == [
        "could not be read",
        "left out by a rule",
        "without a usable label",
    ]
    assert [one.removed for one in made] == [4, 2, 1]
    assert [one.left for one in made] == [96, 94, 93]
    assert [step for one in made for step in one.steps] == list(card.flow)


def test_nothing_left_out_has_no_phase() -> None:
    assert phases(flowing()) == ()
