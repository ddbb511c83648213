"""What an ingest was made from, kept beside the cohort, so that the same call finds nothing left to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from overread import __version__
from overread.cohort.candidates import Listing
from overread.cohort.inputs import state_of
from overread.cohort.schema import SCHEMA_VERSION
from overread.cohort.settings import IngestSettings
from overread.engine.spark.hadoop import is_uri
from overread.errors import CohortError

KEY_FILE = "ingest.json"


def made_from(out: Path) -> tuple[Path | str, IngestSettings]:
    """Source (a text where it is a URI) and settings of the ingest that made a cohort.

    Raises:
        CohortError: There is no cohort, or it does not say so.
    """
    path = out / KEY_FILE
    try:
        said = json.loads(path.read_text("utf-8"))
        named = str(said["source"])
        source = named if is_uri(named) else Path(named)
        return source, IngestSettings.model_validate(said["settings"])
    except FileNotFoundError as error:
        raise CohortError(
            "there is no cohort here whose rejects could be read again",
            where=str(out),
            todo="name the cohort's folder with -o",
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CohortError(
            "does not say what the cohort was made from", where=str(path), todo="ingest the source again"
        ) from error


def key_of_inputs(
    root: Path, listing: Listing, settings: IngestSettings, *, states: Sequence[str], called: str
) -> str:
    """Changes when a file, the table's meaning or a setting does.

    Args:
        root: The folder of the files.
        listing: Of them.
        settings: How they become a cohort.
        states: Of the files that are opened.
        called: What the folder is called where it is known.
    """
    said = settings.model_dump(mode="json", exclude={"table"})
    digest = hashlib.sha256(json.dumps([SCHEMA_VERSION, __version__, called, said], sort_keys=True).encode())
    digest.update(f"{listing.ignored} {listing.repeated}".encode())
    for candidate in listing.candidates:
        digest.update(repr(candidate).encode("utf-8", "backslashreplace"))
    for state in [*states, *(state_of(root / name) for name in listing.depends)]:
        digest.update(state.encode() + b"\0")
    return digest.hexdigest()


def key_of(folder: Path, name: str = KEY_FILE) -> str | None:
    """The key in the record, `name`, of what made a folder; None where nothing of the kind did."""
    try:
        said = json.loads((folder / name).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return said.get("key") if isinstance(said, dict) else None
