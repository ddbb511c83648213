"""What every engine does: run a stage over a Parquet source, part by part, on one machine or on many."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from overread.engine.stage import Stage
from overread.progress import SILENT, Progress


class Engine(Protocol):
    """Where stages run: `LocalEngine` in processes of this machine, `SparkEngine` on a cluster.

    Engines differ in speed and in nothing else: the same call writes the same parts, byte for byte, and one
    engine goes on where another was stopped.
    """

    def run(
        self,
        stage: Stage,
        source: Path | Sequence[Path],
        out: Path,
        *,
        key: str,
        columns: Sequence[str] | None = None,
        rows_per_part: int = 64,
        label: str = "running",
        progress: Progress = SILENT,
    ) -> Path:
        """Run a stage over a Parquet source; what an earlier, interrupted run has finished is kept.

        The parts, their numbers and their bytes do not depend on the engine or on the number of its workers.

        Args:
            stage: What to run; must be picklable.
            source: A Parquet file, a folder of `part-*.parquet`, or several of these, in order.
            out: Folder for `part-00000.parquet`, … and `run.json`; made where missing.
            key: Names what the stage computes: all that changes its numbers (model hash, settings).
                Parts of a run with another key, source or schema are removed.
            columns: The source's columns that the stage needs; None for all.
            rows_per_part: Input rows of each part; a stage that expands writes more.
            label: What is done, for the progress bar.
            progress: Who listens; advances by rows.

        Returns:
            `out`.

        Raises:
            EngineError: The source or the folder does not fit, the stage broke its rule or raised, a worker
                process was ended for good, or the disk is full. The same call again goes on where this one
                stopped.
            OverreadError: Whatever the stage raised of these.
        """
        ...
