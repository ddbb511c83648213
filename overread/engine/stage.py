"""What a stage is, and the one rule that every stage keeps: no row is lost, none appears from nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

import pyarrow as pa

from overread.errors import EngineError, OverreadError

REJECT_REASON = "reject_reason"
REJECT_DETAIL = "reject_detail"
REJECT_FIELDS: tuple[pa.Field, ...] = (
    pa.field(REJECT_REASON, pa.string()),
    pa.field(REJECT_DETAIL, pa.string()),
)
"""The two columns with which a stage says that it could not process a row: a reason for programs
(`overread.errors.RejectReason`, null where all is well) and a sentence for people."""


ORIGIN_ID = "origin_id"
COPY = "copy"
ORIGIN_FIELDS: tuple[pa.Field, ...] = (
    pa.field(ORIGIN_ID, pa.string(), nullable=False),
    pa.field(COPY, pa.int32(), nullable=False),
)
"""The two columns of a stage that expands: the `image_id` of the row that came in, and 0 for that row
itself or 1, 2, … for what was made from it."""


@runtime_checkable
class Stage(Protocol):
    """A function from Arrow batches to Arrow batches that an engine can run anywhere.

    A stage can be pickled; it opens its model when it is first called and keeps it, so once a worker.
    It never drops a row and keeps their order: a row that it could not process is yielded with
    `reject_reason` and `reject_detail` set and its own columns null. Batches may be cut differently
    from those that came. It must not depend on which rows came before in the same process.

    A stage with a true attribute `expands` yields more: behind each row that came in, which it keeps with
    its `image_id`, the rows that it made from it. Its rows carry `ORIGIN_FIELDS`.
    """

    @property
    def schema(self) -> pa.Schema:
        """The schema of every batch that the stage yields."""
        ...

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Process batches, one after another."""
        ...


@runtime_checkable
class Travelling(Protocol):
    """A stage that opens files or folders of this machine: they travel with it to machines that lack them."""

    @property
    def files(self) -> tuple[Path, ...]:
        """What the stage opens, on the machine where it was made."""
        ...

    def with_files(self, files: tuple[Path, ...]) -> Stage:
        """The same stage, opening these files instead, in the same order."""
        ...


def expands(stage: Stage) -> bool:
    """Whether a stage makes rows from rows, instead of yielding one for each."""
    return bool(getattr(stage, "expands", False))


def stage_name(stage: Stage) -> str:
    """What a message calls the stage."""
    return type(stage).__name__


def apply_stage(stage: Stage, batches: Iterator[pa.RecordBatch], *, rows: str) -> Iterator[pa.RecordBatch]:
    """Run a stage and hold it to its rule.

    Args:
        stage: What to run.
        batches: Its input.
        rows: What a message calls the rows: "rows 0 to 63".

    Yields:
        The stage's batches, in the stage's schema.

    Raises:
        EngineError: The stage raised something unexpected, yielded another schema than it says, lost or
            added a row, or changed the order (seen where input and output have an `image_id`). One that
            expands lost a row, changed the order, or yielded a row that it made from none that came.
    """
    name = stage_name(stage)
    if expands(stage) and not {"image_id", ORIGIN_ID, COPY} <= set(stage.schema.names):
        raise EngineError(
            f"expands rows but its schema is {_describe(stage.schema)}",
            where=f"stage {name}",
            todo="give it image_id and overread.engine.ORIGIN_FIELDS",
        )
    ledger = _ExpandingLedger() if expands(stage) else _Ledger()
    output: Iterator[pa.RecordBatch] | None = None
    try:
        output = iter(stage(ledger.count_in(batches)))
        for batch in output:
            if not isinstance(batch, pa.RecordBatch) or not batch.schema.equals(stage.schema):
                came = _describe(getattr(batch, "schema", batch))
                raise EngineError(
                    f"promised {_describe(stage.schema)} but yielded {came}",
                    where=f"stage {name}, {rows}",
                    todo="make the stage yield its own schema",
                )
            ledger.count_out(batch)
            yield batch
    except OverreadError:
        raise
    except Exception as error:
        lines = str(error).splitlines() or [""]
        raise EngineError(
            f"failed with {type(error).__name__}: {lines[0][:200]}",
            where=f"stage {name}, {rows}",
            todo="run the same command again once this is mended, finished parts are kept",
        ) from error
    finally:
        close = getattr(output, "close", None)
        if close is not None:
            close()
    for _ in ledger.count_in(batches):  # a stage that stopped reading has lost the rest
        pass
    ledger.settle(name, rows)


class _Ledger:
    """Counts rows in and out of a stage, and compares the identities that pass through."""

    def __init__(self) -> None:
        self.rows_in = self.rows_out = 0
        self.ids_in: list[str | None] = []
        self.ids_out: list[str | None] = []

    def count_in(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            self.rows_in += batch.num_rows
            self.ids_in += _ids(batch)
            yield batch

    def count_out(self, batch: pa.RecordBatch) -> None:
        self.rows_out += batch.num_rows
        self.ids_out += _ids(batch)

    def settle(self, name: str, rows: str) -> None:
        where, todo = f"stage {name}, {rows}", "a stage yields a rejected row instead of dropping it"
        if self.rows_in != self.rows_out:
            raise EngineError(f"took {self.rows_in} rows but yielded {self.rows_out}", where=where, todo=todo)
        if self.ids_in and self.ids_out and self.ids_in != self.ids_out:
            raise EngineError(
                "yielded its rows in another order", where=where, todo="a stage keeps the order of its rows"
            )


class _ExpandingLedger(_Ledger):
    """Holds a stage that makes rows from rows to account: every row has an origin, no origin is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[tuple[str | None, str | None, int]] = []

    def count_out(self, batch: pa.RecordBatch) -> None:
        super().count_out(batch)
        columns = (batch.column(name).to_pylist() for name in ("image_id", ORIGIN_ID, COPY))
        self.made += zip(*columns, strict=True)

    def settle(self, name: str, rows: str) -> None:
        where, todo = (
            f"stage {name}, {rows}",
            "a stage that expands yields each row, and behind it its copies",
        )
        kept = [image_id for image_id, _, copy in self.made if copy == 0]
        if len(kept) != self.rows_in:
            raise EngineError(
                f"took {self.rows_in} rows but yielded {len(kept)} of them", where=where, todo=todo
            )
        if kept != self.ids_in:
            raise EngineError(
                "yielded its rows in another order", where=where, todo="a stage keeps the order of its rows"
            )
        of, last = None, -1
        for image_id, origin, copy in self.made:
            of, last, wanted = (image_id, 0, 0) if copy == 0 else (of, last + 1, last + 1)
            if origin != of or copy != wanted:
                raise EngineError(f"yielded row {image_id!r} out of nowhere", where=where, todo=todo)
        if len(set(self.ids_out)) != self.rows_out:
            raise EngineError(
                "gave two rows one image_id", where=where, todo="number what is made from a row"
            )


def _ids(batch: pa.RecordBatch) -> list[str | None]:
    return batch.column("image_id").to_pylist() if "image_id" in batch.schema.names else []


def _describe(schema: object) -> str:
    if not isinstance(schema, pa.Schema):
        return f"a {type(schema).__name__}"
    return "(" + ", ".join(f"{field.name}: {field.type}" for field in schema) + ")"
