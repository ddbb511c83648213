from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from overread.engine.parts import GROUP_BYTES, is_finished, list_parts, part_name, write_part, write_table

SCHEMA = pa.schema([("image_id", pa.string()), ("content", pa.binary())])


def batch(size: int, rows: int = 1) -> pa.RecordBatch:
    content = np.random.default_rng(0).bytes(size)
    return pa.RecordBatch.from_pydict({"image_id": ["a"] * rows, "content": [content] * rows}, schema=SCHEMA)


def test_large_images_end_row_groups_early(tmp_path: Path) -> None:
    path = tmp_path / "part-00000.parquet"
    write_part(path, iter([batch(GROUP_BYTES // 2)] * 6), schema=SCHEMA)
    assert pq.read_metadata(path).num_row_groups == 3


def test_only_a_whole_part_of_the_same_run_counts(tmp_path: Path) -> None:
    path = tmp_path / "part-00000.parquet"
    assert not is_finished(path, mark="m", rows=3)
    assert write_part(path, iter([batch(9, rows=3)]), schema=SCHEMA, mark="m") == 3
    assert is_finished(path, mark="m", rows=3)
    assert not is_finished(path, mark="m", rows=4)
    assert not is_finished(path, mark="n", rows=3)
    path.write_bytes(path.read_bytes()[:-1])
    assert not is_finished(path, mark="m", rows=3)


def test_an_error_while_writing_keeps_what_stood_there(tmp_path: Path) -> None:
    path = tmp_path / "part-00000.parquet"
    path.write_bytes(b"before")

    def broken() -> object:
        yield batch(9)
        raise KeyError("no")

    with pytest.raises(KeyError):
        write_part(path, broken(), schema=SCHEMA)  # type: ignore[arg-type]
    assert path.read_bytes() == b"before"
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_parts_are_listed_by_number_and_nothing_else_is(tmp_path: Path) -> None:
    names = [part_name(0), part_name(99_999), part_name(100_000)]
    for name in [*reversed(names), "part-0.parquet", "part-00001.parquet.12.tmp", "run.json"]:
        (tmp_path / name).touch()
    assert [path.name for path in list_parts(tmp_path)] == names
    assert list_parts(tmp_path / "absent") == []


def test_a_table_has_the_same_bytes_each_time_however_it_is_chunked(tmp_path: Path) -> None:
    table = pa.table({"image_id": ["a", "b", "c"], "target": [[1.0], None, [0.0]]})
    cut = pa.concat_tables([table.slice(0, 1), table.slice(1)])
    for name, one in {"a": table, "b": cut}.items():
        write_table(tmp_path / name, one)
    assert len({hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in "ab"}) == 1
    assert pq.read_table(tmp_path / "a").equals(table)
