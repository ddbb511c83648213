"""What Python and a browser say, side by side: pure."""

from __future__ import annotations

import pytest

from overread.edge.check.answer import NO_ANSWER, Answer
from overread.edge.check.parity import compare, count_agreed

READ = Answer(decision="urgent", scores=(0.7, 0.2), sha256="a")
REJECTED = Answer(reject="truncated")
NAN = float("nan")


def one(python: Answer, browser: Answer):
    return compare(["a"], [python], [browser])


def test_equal_answers_do_not_differ() -> None:
    found = compare(["a", "b"], [READ, REJECTED], [READ, REJECTED])
    assert (found.images, found.rejected, found.same_decision, found.same_rejection) == (1, 1, 1, 1)
    assert (found.same_reason, found.refused, found.unanswered) == (1, {}, 0)
    assert found.max_score_difference == 0
    assert found.differing == ()


def test_the_largest_difference_of_any_score_counts() -> None:
    browser = [Answer("urgent", (0.7, 0.2 + 4e-6), None, "a"), Answer("urgent", (0.7 - 2e-6, 0.2), None, "a")]
    found = compare(["a", "b"], [READ, READ], browser)
    assert found.max_score_difference == pytest.approx(4e-6)
    assert found.differing == ()


@pytest.mark.parametrize(
    "browser",
    [
        Answer("routine", (0.7, 0.2), None, "a"),
        Answer("urgent", (0.7, 0.2001), None, "a"),
        Answer("urgent", (0.7, NAN), None, "a"),
        Answer("urgent", (0.7,), None, "a"),
        Answer("urgent", (0.7, 0.2), None, "b"),
        Answer("urgent", (0.7, 0.2), None, "a", quality=("dark",)),
        REJECTED,
        NO_ANSWER,
    ],
    ids=["decision", "score", "nan", "fewer", "bytes", "quality", "rejected", "nothing"],
)
def test_what_differs_is_named(browser: Answer) -> None:
    assert one(READ, browser).differing == ("a",)


def test_a_score_that_is_no_number_is_no_small_difference() -> None:
    assert one(READ, Answer("urgent", (0.7, NAN), None, "a")).max_score_difference == float("inf")


def test_what_only_python_reads_is_counted_by_reason() -> None:
    found = one(READ, REJECTED)
    assert (found.same_decision, found.refused) == (0, {"truncated": 1})
    assert found.max_score_difference is None


def test_what_only_the_browser_reads_is_no_same_rejection() -> None:
    found = one(REJECTED, READ)
    assert (found.images, found.rejected, found.same_rejection, found.differing) == (0, 1, 0, ("a",))


def test_another_reason_is_counted_and_no_difference() -> None:
    found = one(REJECTED, Answer(reject="damaged"))
    assert (found.same_rejection, found.same_reason, found.differing) == (1, 0, ())


def test_no_answer_is_no_rejection() -> None:
    found = one(REJECTED, NO_ANSWER)
    assert (found.same_rejection, found.unanswered, found.differing) == (0, 1, ("a",))


def test_agreed_is_what_python_and_every_browser_decide_alike() -> None:
    other = Answer("routine", (0.1, 0.2), None, "a")
    python = [READ, READ, READ, REJECTED]
    assert count_agreed(python, [[READ, other, READ, REJECTED], [READ, READ, NO_ANSWER, REJECTED]]) == 1
    assert count_agreed(python, [[READ, other, READ, REJECTED]]) == 2
