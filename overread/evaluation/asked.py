"""What is asked of an evaluation beside its figures: the `[evaluation]` table of a study, as used here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Asked:
    """Where the reader is to be looked at more closely.

    Attributes:
        sensitivities: Held, one after the other; what specificity does the reader reach then?
        specificities: The other way round.
        prevalences: At which a call's worth is told.
        subgroups: Columns of the cohort, or "auto" for those that tell images apart.
    """

    sensitivities: tuple[float, ...] = (0.9, 0.95, 0.99)
    specificities: tuple[float, ...] = (0.8, 0.9, 0.95)
    prevalences: tuple[float, ...] = (0.01, 0.05, 0.2)
    subgroups: Literal["auto"] | tuple[str, ...] = "auto"


ASKED = Asked()
"""What is asked where nobody says otherwise."""
