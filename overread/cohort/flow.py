"""From found to used: which step of an ingest left how many inputs out, in the manner of CONSORT.

The diagram's form is that of the CONSORT statement (Schulz, Altman and Moher, BMJ 2010;340:c332): every input
is accounted for, and each box says why those beside it go no further.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

STEP_NAMES: dict[str, str] = {
    "missing-file": "named in the table, but the file is missing",
    "unreadable-file": "could not be opened",
    "empty": "empty file",
    "not-an-image": "not an image",
    "unsupported": "format not supported",
    "truncated": "cut off",
    "damaged": "damaged",
    "too-large": "too large",
    "conflicting-label": "contradicting rows or labels",
    "incomplete-row": "incomplete row",
    "excluded": "left out by a rule",
    "no-label": "no label, or a label that is no class",
}
"""What a step is called, in the order in which the diagram shows the steps."""

Removed = tuple[str, str | None]
"""Why an input was left out: its reason, and the rule's own words where a rule did it."""


class FlowStep(BaseModel):
    """One step of the diagram.

    Attributes:
        reason: For programs; see `overread.errors.RejectReason`.
        what: For people: "age not stated".
        removed: Inputs that this step left out.
        left: Inputs that remained.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: str
    what: str
    removed: int
    left: int


def flow_of(found: int, removed: Iterable[Removed]) -> tuple[FlowStep, ...]:
    """The steps from what was found to what is used.

    Args:
        found: Inputs at the start.
        removed: One entry an input that was left out.

    Example:
        >>> [step.left for step in flow_of(5, [("damaged", None), ("incomplete-row", "age not stated")])]
        [4, 3]
    """
    steps = []
    counts = Counter(removed)
    order = {reason: place for place, reason in enumerate(STEP_NAMES)}
    for (reason, rule), count in sorted(
        counts.items(), key=lambda one: (order.get(one[0][0], len(order)), -one[1], one[0][1] or "")
    ):
        found -= count
        what = rule or STEP_NAMES.get(reason, reason)
        steps.append(FlowStep(reason=reason, what=what, removed=count, left=found))
    return tuple(steps)
