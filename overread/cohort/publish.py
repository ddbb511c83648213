"""The last step of whatever makes a cohort: from its work folder to its place, whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from overread.cohort.cohort import CARD, DUPLICATES, IMAGES, REJECTS
from overread.cohort.inputs import INPUTS
from overread.engine import remove_unfinished, write_atomically
from overread.errors import CohortError

TABLES = (REJECTS, INPUTS, DUPLICATES)
"""What stands beside the images of a cohort."""


def publish(
    work: Path, out: Path, *, records: Mapping[str, str], before_card: Callable[[], None] | None = None
) -> None:
    """Put a finished cohort in its place; the card goes last, so a cohort with a card is whole.

    Killed at any moment, the same call goes on.

    Args:
        work: Where it was made; removed in the end.
        out: Its place.
        records: Files that say what it was made from: name in `out` → name in `work`.
        before_card: What else must be there before the card.

    Raises:
        CohortError: A file could not be moved.
    """
    try:
        (out / CARD).unlink(missing_ok=True)
        if (work / IMAGES).exists():
            shutil.rmtree(out / IMAGES, ignore_errors=True)
            (work / IMAGES).replace(out / IMAGES)
        for name in TABLES:
            if (work / name).exists():
                (work / name).replace(out / name)
        if before_card is not None:
            before_card()
        for name, made in records.items():
            write_atomically(out / name, (work / made).read_bytes())
        (work / CARD).replace(out / CARD)
        shutil.rmtree(work)
        remove_unfinished(out)
    except OSError as error:
        raise CohortError(
            f"the cohort could not be put in its place: {error.strerror or error}",
            where=str(out),
            todo="run the same command again",
        ) from error
