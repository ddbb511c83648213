"""What a bundle remembers of its training: `training.json`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from overread.evaluation import HistoryRow

HISTORY = "training.json"


class TrainingRecord(BaseModel):
    """How a reader came to be, for the report.

    Attributes:
        history: One row an epoch.
        notes: Sentences that the report must show.
        facts: Backbone, weights, chosen settings.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    history: tuple[HistoryRow, ...] = ()
    notes: tuple[str, ...] = ()
    facts: dict[str, str] = {}

    def to_bytes(self) -> bytes:
        """The text of training.json."""
        return (self.model_dump_json(indent=1) + "\n").encode()
