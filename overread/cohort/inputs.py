"""What is known of every input that was opened, so that no file is read twice for nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from overread import __version__
from overread.cohort.candidates import Candidate, Listing
from overread.cohort.read_stage import FILE_FIELD, MEASURED_FIELDS, ReadStage
from overread.engine import REJECT_REASON

INPUTS = "inputs.parquet"

STATE_FIELD = pa.field("state", pa.string(), nullable=False)
"""Size and time of change of the file when it was read; another state means that it is read again."""

INPUT_SCHEMA: pa.Schema = pa.schema([*ReadStage.schema, FILE_FIELD, STATE_FIELD])
"""One row an input that was opened, be it image or reject."""

_READER = {b"overread": __version__.encode()}


def states_of(source: Path, listing: Listing, opened: Sequence[Candidate]) -> list[str]:
    """The present state of each file; of files inside another file, the state of that one."""
    if listing.unpack is not None:
        shared = " ".join(state_of(source / name) for name in listing.depends)
        return [shared] * len(opened)
    return [state_of(source / one.file) if one.file is not None else "gone" for one in opened]


def state_of(path: Path) -> str:
    """Size and time of change of a file, or "gone"."""
    try:
        status = path.stat()
    except OSError:
        return "gone"
    return f"{status.st_size} {status.st_mtime_ns}"


def read_before(path: Path) -> pa.Table:
    """What an earlier ingest knows; empty where there was none, or where another Overread made it."""
    try:
        with pq.ParquetFile(path) as file:
            if (file.schema_arrow.metadata or {}).get(b"overread") != _READER[b"overread"]:
                return INPUT_SCHEMA.empty_table()
            return file.read().replace_schema_metadata(None).cast(INPUT_SCHEMA)
    except (OSError, pa.ArrowException, ValueError):
        return INPUT_SCHEMA.empty_table()


def to_keep(
    before: pa.Table, opened: Sequence[Candidate], states: Sequence[str], *, retry: bool
) -> list[int | None]:
    """Where each input stands in what was known before; None for those that must be read.

    Args:
        before: From `read_before`.
        opened: The inputs that are wanted.
        states: The present state of each.
        retry: Whether what was rejected is read again though its file did not change.
    """
    rows = {
        (file, state): at
        for at, (file, state, reason) in enumerate(
            zip(
                before["file"].to_pylist(),
                before["state"].to_pylist(),
                before[REJECT_REASON].to_pylist(),
                strict=True,
            )
        )
        if not (retry and reason is not None)
    }
    return [
        rows.get((os.fsencode(one.file), state)) if one.file is not None else None
        for one, state in zip(opened, states, strict=True)
    ]


def join_inputs(
    opened: Sequence[Candidate],
    ids: Sequence[str],
    states: Sequence[str],
    *,
    before: pa.Table,
    kept: Sequence[int | None],
    fresh: pa.Table,
) -> pa.Table:
    """All that is known of the opened inputs, in their order.

    Args:
        opened: The inputs.
        ids: Their ids now; an id can change when a file of nearly the same name joins.
        states: Their present states.
        before: What was known.
        kept: From `to_keep`.
        fresh: What `ReadStage` found of the others, in order.

    Returns:
        In `INPUT_SCHEMA`, with the version of the reader in its metadata.
    """
    known = pa.concat_tables([before.select(fresh.schema.names), fresh])
    new = iter(range(before.num_rows, before.num_rows + fresh.num_rows))
    places = [at if at is not None else next(new) for at in kept]
    table = known.take(pa.array(places, pa.int64()))
    columns = {name: table[name] for name in fresh.schema.names}
    columns["image_id"] = pa.array(ids, pa.string())
    columns["file"] = pa.array([os.fsencode(one.file or "") for one in opened], pa.binary())
    columns["state"] = pa.array(states, pa.string())
    return pa.table(columns, schema=INPUT_SCHEMA.with_metadata(_READER))


def measurements(path: Path, ids: Sequence[str]) -> pa.Table:
    """What was measured of some images.

    Args:
        path: `inputs.parquet` of a cohort.
        ids: Their ids.

    Returns:
        image_id and `MEASURED_FIELDS`, sorted by image_id.

    Raises:
        OSError: The file is missing.
        pyarrow.ArrowException: It is damaged.
        KeyError: It lacks one of the images.
    """
    names = ["image_id", *(field.name for field in MEASURED_FIELDS)]
    with pq.ParquetFile(path) as file:
        table = file.read(columns=names).select(names).replace_schema_metadata(None)
    place = {one: at for at, one in enumerate(table["image_id"].to_pylist())}
    return table.take(pa.array([place[one] for one in sorted(ids)], pa.int64()))
