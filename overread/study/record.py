"""What a bundle remembers of its training: `training.json`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from overread.bundle.manifest import ConformalRule
from overread.evaluation import HistoryRow
from overread.evaluation.clinical import LearningPoint
from overread.evaluation.curves import Number

HISTORY = "training.json"


class TrainingRecord(BaseModel):
    """How a reader came to be, for the report.

    Attributes:
        history: One row an epoch.
        notes: Sentences that the report must show.
        facts: Backbone, weights, chosen settings, and why this calibration.
        calibration: Finding → kind of calibration → log loss on patients left out.
        conformal: What a conformal rule would say, in force or not; None: unknown.
        learning: The learning curve of the head.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    history: tuple[HistoryRow, ...] = ()
    notes: tuple[str, ...] = ()
    facts: dict[str, str] = {}
    calibration: dict[str, dict[str, Number]] = {}
    conformal: ConformalRule | None = None
    learning: tuple[LearningPoint, ...] = ()

    def to_bytes(self) -> bytes:
        """The text of training.json."""
        return (self.model_dump_json(indent=1) + "\n").encode()
