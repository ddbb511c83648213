"""How far a job has come, told by the parts that have appeared; cheap for tens of thousands of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from overread.engine.parts import part_name
from overread.engine.slices import Slice


class SeenParts:
    """Looks for new parts where the next ones must appear: shares are worked through in order.

    Args:
        out: The folder of the parts.
        shares: Each a task's slices; Spark begins them in this order.
        at_once: How many tasks run at the same time.
    """

    def __init__(self, out: Path, shares: Sequence[tuple[Slice, ...]], *, at_once: int) -> None:
        self._out, self._at_once = out, at_once
        self._open = list(shares)
        self._seen = [0] * len(shares)
        self._left = {piece.index: piece.rows for share in shares for piece in share}

    def look(self) -> int:
        """Rows of the parts that are new since the last look; asks the disk for a few files only."""
        rows = idle = 0
        for number, share in enumerate(self._open):
            at = self._seen[number]
            while at < len(share) and (self._out / part_name(share[at].index)).exists():
                rows += self._left.pop(share[at].index, 0)
                at += 1
            self._seen[number] = at
            # Spark begins a task where another has ended: behind so many that wait nobody is at work.
            idle += at == 0
            if idle > self._at_once:
                break
        going_on = [at for at, share in enumerate(self._open) if self._seen[at] < len(share)]
        self._open = [self._open[at] for at in going_on]
        self._seen = [self._seen[at] for at in going_on]
        return rows

    def settle(self) -> tuple[int, int]:
        """List the folder once, in the end: rows that no look has seen, and how many parts are not there."""
        with os.scandir(self._out) as entries:
            there = {entry.name for entry in entries}
        found = {index: rows for index, rows in self._left.items() if part_name(index) in there}
        lost = len(self._left) - len(found)
        self._left, self._open, self._seen = {}, [], []
        return sum(found.values()), lost
