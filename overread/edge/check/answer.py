"""What a reader said of one photograph, whichever it was: Python or a browser."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """What was said of one photograph.

    Args:
        decision: None where it was rejected.
        scores: One a class; none where it was rejected.
        reject: The reason, where it was rejected.
        sha256: Of the bytes that were read.
        novelty: Distance from the training images; NaN where it was rejected.
        quality: What stands against reading it: "dark", "blurred", …
    """

    decision: str | None = None
    scores: tuple[float, ...] = ()
    reject: str | None = None
    sha256: str = ""
    novelty: float = math.nan
    quality: tuple[str, ...] = ()


NO_ANSWER = Answer(decision="no answer")
"""Where a browser came to nothing: neither a reading nor a reject."""
