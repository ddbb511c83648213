"""Stages that make rows from rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from overread.engine import ORIGIN_FIELDS, LocalEngine, list_parts
from overread.engine.stage import Stage, apply_stage
from overread.errors import EngineError
from tests.engine.stages import Repeats
from tests.engine.test_local import Steps, write_numbers

Row = tuple[str, str, int]


class Yields:
    """Whatever it is given, as a stage that expands."""

    expands = True
    schema = pa.schema([("image_id", pa.string()), *ORIGIN_FIELDS])

    def __init__(self, *rows: Row) -> None:
        self.rows = rows

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _ in batches:
            columns = [list(column) for column in zip(*self.rows, strict=True)]
            yield pa.RecordBatch.from_arrays(
                [pa.array(v, f.type) for v, f in zip(columns, self.schema, strict=True)], schema=self.schema
            )


def run(stage: Stage) -> list[pa.RecordBatch]:
    batch = pa.RecordBatch.from_pydict({"image_id": ["a", "b"]})
    return list(apply_stage(stage, iter([batch]), rows="rows 0 to 1"))


def test_rows_may_be_followed_by_what_was_made_from_them() -> None:
    rows = ("a", "a", 0), ("a1", "a", 1), ("a2", "a", 2), ("b", "b", 0)
    assert sum(batch.num_rows for batch in run(Yields(*rows))) == 4


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("a", "a", 0)], "took 2 rows but yielded 1 of them"),
        ([("b", "b", 0), ("a", "a", 0)], "yielded its rows in another order"),
        ([("a", "a", 0), ("b", "a", 0)], "yielded row 'b' out of nowhere"),
        ([("a", "a", 0), ("b1", "b", 1), ("b", "b", 0)], "yielded row 'b1' out of nowhere"),
        ([("a", "a", 0), ("b", "b", 0), ("b2", "b", 2)], "yielded row 'b2' out of nowhere"),
        ([("x", "x", 1), ("a", "a", 0), ("b", "b", 0)], "yielded row 'x' out of nowhere"),
        ([("a", "a", 0), ("a", "a", 1), ("b", "b", 0)], "gave two rows one image_id"),
    ],
)
def test_a_stage_that_expands_must_account_for_every_row(rows: list[Row], said: str) -> None:
    with pytest.raises(EngineError, match=f"stage Yields, rows 0 to 1: {said}"):
        run(Yields(*rows))


def test_a_stage_that_expands_must_say_where_its_rows_come_from() -> None:
    stage = Yields()
    stage.schema = pa.schema([("image_id", pa.string())])
    with pytest.raises(EngineError, match="expands rows but its schema is"):
        run(stage)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupted_expansion_goes_on_and_progress_counts_what_was_read(
    tmp_path: Path, workers: int
) -> None:
    numbers = write_numbers(tmp_path / "numbers.parquet", 100)
    out = LocalEngine(workers).run(Repeats(), numbers, tmp_path / "out", key="k", rows_per_part=30)
    first = {path.name: path.read_bytes() for path in list_parts(out)}
    table = pa.concat_tables(pq.read_table(path) for path in list_parts(out))
    assert table.num_rows == sum(at % 3 + 1 for at in range(100))
    list_parts(out)[1].unlink()
    steps = Steps()
    LocalEngine(workers).run(Repeats(), numbers, out, key="k", rows_per_part=30, progress=steps)
    assert {path.name: path.read_bytes() for path in list_parts(out)} == first
    assert (steps.total, steps.done) == (100, 100)
