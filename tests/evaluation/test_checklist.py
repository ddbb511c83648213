from __future__ import annotations

import doctest

import pytest

from overread.bundle.manifest import Provenance
from overread.evaluation import checklist
from overread.evaluation.checklist import CLAIM, TRIPOD_AI, answered, checklists, facts_of
from tests.evaluation.made import make_manifest
from tests.evaluation.made_report import make_evaluation

ANCHORS = (
    "summary", "figures", "curves", "calibration", "benefit", "explorer", "classes", "subgroups",
    "abstention", "training", "mistakes", "origin", "reader", "checklist", "method",
)  # fmt: skip
MADE = make_evaluation()


def state(items, number, facts) -> str:
    return next(one.state for one in answered(items, facts=facts) if one.item.number == number)


def test_every_item_of_both_guidelines_is_there_once() -> None:
    assert [item.number for item in CLAIM] == [str(k) for k in range(1, 45)]
    numbers = [item.number for item in TRIPOD_AI]
    assert len(numbers) == len(set(numbers)) == 52
    assert {number.rstrip("abcdefg") for number in numbers} == {str(k) for k in range(1, 28)}


@pytest.mark.parametrize("items", [CLAIM, TRIPOD_AI])
def test_an_item_that_can_be_answered_says_where(items) -> None:
    for item in items:
        assert bool(item.where) == bool(item.full or item.part), item
        assert item.where in ("", *ANCHORS)


def test_every_fact_that_an_item_needs_can_be_known() -> None:
    facts = facts_of(MADE.evaluation, manifest=MADE.manifest, sections=ANCHORS, kept=True)
    rich = {"source", "licence", "weights", "versions", "code", "files"}  # a manifest of a packed bundle
    for item in (*CLAIM, *TRIPOD_AI):
        assert {item.full, item.part} - {""} <= facts | rich, item


def test_what_is_not_in_the_evaluation_is_left_to_the_authors() -> None:
    bare = make_evaluation(clinic=False, cohort=None).evaluation
    manifest = make_manifest()
    facts = facts_of(bare, manifest=manifest, sections=["summary", "figures", "origin", "method"], kept=False)
    assert state(TRIPOD_AI, "23b", facts) == state(CLAIM, "39", facts) == "authors"
    assert state(TRIPOD_AI, "20a", facts) == state(TRIPOD_AI, "3b", facts) == "authors"
    assert state(TRIPOD_AI, "23a", facts) == "in part"
    known = make_manifest(provenance=Provenance(versions={"torch": "2"}), intended_use="To test.")
    facts = facts_of(bare, manifest=known, sections=[], kept=False)
    assert state(CLAIM, "23", facts) == "answered"
    assert state(TRIPOD_AI, "3b", facts) == "in part"


def test_only_the_authors_answer_for_ethics_funding_and_the_reference_standard() -> None:
    facts = facts_of(MADE.evaluation, manifest=MADE.manifest, sections=ANCHORS, kept=True)
    for number in ("8b", "8c", "17", "18a", "18b", "19"):
        assert state(TRIPOD_AI, number, facts) == "authors"
    for number in ("14", "16", "18", "33", "44"):
        assert state(CLAIM, number, facts) == "authors"


def test_the_counts_of_a_checklist_sum_to_its_items() -> None:
    for made in checklists(MADE.evaluation, manifest=MADE.manifest, sections=ANCHORS, kept=True):
        assert sum(made.count(one) for one in ("answered", "in part", "authors")) == len(made.answers)
        assert made.count("answered") > 10


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(checklist).failed == 0
