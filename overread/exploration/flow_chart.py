"""The flow diagram's boxes: what was found, what left on the way and why, what is used on which side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from overread.cohort import CohortCard
from overread.cohort.flow import FlowStep

_LABELS = frozenset({"no-label", "conflicting-label"})
_RULES = frozenset({"incomplete-row", "excluded"})
_TITLES = {
    "read": ("could not be read", "could be read"),
    "rule": ("left out by a rule", "kept by the rules"),
    "label": ("without a usable label", "with a usable label"),
}
_STEPS_APART = 3


@dataclass(frozen=True)
class Phase:
    """A box beside the line, and the box below it.

    Attributes:
        title: "could not be read".
        removed: Inputs that left here.
        steps: Why, and how many for each reason.
        kept: What the remaining ones are called.
        left: How many remain.
    """

    title: str
    removed: int
    steps: tuple[FlowStep, ...]
    kept: str
    left: int


def phases(card: CohortCard) -> tuple[Phase, ...]:
    """The diagram between "found" and "used": neighbouring steps of one nature share a box.

    Up to three steps stand alone, each in words of its own.
    """
    if len(card.flow) <= _STEPS_APART:
        return tuple(_phase([step], step.what, "remain") for step in card.flow)
    made = []
    for nature, steps in groupby(card.flow, key=_nature):
        title, kept = _TITLES[nature]
        made.append(_phase(list(steps), title, kept))
    return tuple(made)


def _phase(steps: Sequence[FlowStep], title: str, kept: str) -> Phase:
    return Phase(title, sum(step.removed for step in steps), tuple(steps), kept, steps[-1].left)


def _nature(step: FlowStep) -> str:
    return "label" if step.reason in _LABELS else "rule" if step.reason in _RULES else "read"
