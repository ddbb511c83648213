"""How far a browser's answers are from Python's: one beside the other, and counted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from overread.bundle.selftest import SCORE_TOLERANCE
from overread.edge.check.answer import NO_ANSWER, Answer


@dataclass(frozen=True)
class Parity:
    """How far a browser is from Python.

    Args:
        images: That Python read.
        rejected: That Python rejected.
        same_decision: Of `images`, those with Python's decision.
        same_rejection: Of `rejected`, those that the browser rejected too.
        same_reason: Of those, with the same reason.
        refused: Of `images`, how many the browser rejected for which reason.
        unanswered: Of all, those where the browser came to nothing.
        max_score_difference: Largest |Δscore| over what both read; None where that is nothing.
        other_quality: Of what both read, how many with other warnings of quality.
        differing: Ids of what differs: other decision, other bytes, other warnings, only one of both rejects,
            or a score that is off by more than a self-test allows.
    """

    images: int
    rejected: int
    same_decision: int
    same_rejection: int
    same_reason: int
    refused: dict[str, int]
    unanswered: int
    max_score_difference: float | None
    other_quality: int
    differing: tuple[str, ...]


def compare(ids: Sequence[str], python: Sequence[Answer], browser: Sequence[Answer]) -> Parity:
    """Set a browser's answers beside Python's.

    Args:
        ids: Of the photographs.
        python: One an id.
        browser: One an id.
    """
    pairs = list(zip(ids, python, browser, strict=True))
    read = [(one, other) for _, one, other in pairs if one.decision is not None]
    rejected = [(one, other) for _, one, other in pairs if one.decision is None]
    both_read = [(one, other) for one, other in read if other.decision is not None and other != NO_ANSWER]
    gaps = [_gap(one, other) for one, other in both_read]
    both = [(one, other) for one, other in rejected if other.decision is None]
    return Parity(
        images=len(read),
        rejected=len(rejected),
        same_decision=sum(one.decision == other.decision for one, other in read),
        same_rejection=len(both),
        same_reason=sum(one.reject == other.reject for one, other in both),
        refused=dict(Counter(other.reject or "" for _, other in read if other.decision is None)),
        unanswered=sum(other == NO_ANSWER for other in browser),
        max_score_difference=max(gaps, default=None),
        other_quality=sum(one.quality != other.quality for one, other in both_read),
        differing=tuple(name for name, one, other in pairs if _differ(one, other)),
    )


def count_agreed(python: Sequence[Answer], browsers: Sequence[Sequence[Answer]]) -> int:
    """How many photographs have the same decision in Python and in every browser."""
    return sum(
        one.decision is not None and all(other.decision == one.decision for other in others)
        for one, *others in zip(python, *browsers, strict=True)
    )


def _differ(one: Answer, other: Answer) -> bool:
    if one.decision != other.decision:
        return True
    if one.decision is None:
        return False
    same = one.sha256 == other.sha256 and one.quality == other.quality
    return not (same and _gap(one, other) <= SCORE_TOLERANCE)


def _gap(one: Answer, other: Answer) -> float:
    """Largest |Δscore|; infinite where there is no telling."""
    if len(one.scores) != len(other.scores):
        return math.inf
    gaps = [abs(a - b) for a, b in zip(one.scores, other.scores, strict=True)]
    return math.inf if any(math.isnan(gap) for gap in gaps) else max(gaps, default=0.0)
