from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overread.engine.slices import BATCH_ROWS, plan_slices, read_slice


def write(folder: Path, sizes: list[int], group: int) -> list[Path]:
    files, start = [], 0
    for index, size in enumerate(sizes):
        path = folder / f"{index}.parquet"
        pq.write_table(
            pa.table({"n": pa.array(range(start, start + size), pa.int64())}), path, row_group_size=group
        )
        files.append(path)
        start += size
    return files


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    sizes=st.lists(st.integers(0, 50), min_size=1, max_size=4),
    group=st.integers(1, 40),
    rows_per_part=st.integers(1, 60),
)
def test_slices_hold_every_row_once_in_order(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], group: int, rows_per_part: int
) -> None:
    plan = plan_slices(
        write(tmp_path_factory.mktemp("in"), sizes, group), rows_per_part=rows_per_part, columns=None
    )
    read = [list(read_slice(piece, columns=["n"])) for piece in plan.slices]
    rows = [[n for batch in batches for n in batch.column("n").to_pylist()] for batches in read]
    assert [n for piece in rows for n in piece] == list(range(sum(sizes)))
    assert [len(piece) for piece in rows] == [piece.rows for piece in plan.slices]
    assert all(len(piece) == rows_per_part for piece in rows[:-1])
    assert all(batch.num_rows <= BATCH_ROWS for batches in read for batch in batches)
    assert plan.rows == sum(sizes)


def test_identity_follows_content_and_not_place(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    here, there = write(tmp_path / "a", [5], 10), write(tmp_path / "b", [5], 10)

    def identity(files: list[Path]) -> str:
        return plan_slices(files, rows_per_part=2, columns=None).identity

    assert identity(here) == identity(there)
    pq.write_table(pa.table({"n": [0, 1, 9, 3, 4]}), there[0])
    assert identity(here) != identity(there)


def test_a_slice_does_not_read_other_row_groups(tmp_path: Path) -> None:
    (file,) = write(tmp_path, [100], 10)
    plan = plan_slices(file, rows_per_part=20, columns=None)
    with file.open("r+b") as handle:  # the first row group's data
        handle.seek(4)
        handle.write(b"\xff" * 30)
    first = next(read_slice(plan.slices[1], columns=None))
    assert first.column("n").to_pylist() == list(range(20, 30))
