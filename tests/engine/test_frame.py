"""What a task of the DataFrame route does with its partition; no Java machine is needed for that."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest

from overread.engine.spark.frame import ERROR, KEY, FrameTask, joined, spark_schema
from overread.engine.spark.frame_waves import BYTES, RECORDS, batch_settings, cut_parts, group_waves
from overread.engine.spark.hadoop import encoded, is_uri
from overread.engine.spark.hadoop_status import parse_statuses
from overread.engine.spark.payload import Payload
from overread.errors import EngineError
from tests.engine.stages import Double, Drops


def partition(rows: int, *, batch: int = 40) -> Iterator[pa.RecordBatch]:
    table = pa.table({"image_id": [f"{at}" for at in range(rows)], "number": list(range(rows))})
    yield from table.to_batches(max_chunksize=batch)


def test_a_partition_goes_through_in_order_and_in_small_batches() -> None:
    made = list(FrameTask(Payload.of(Double()), Double.schema)(partition(100)))
    assert max(batch.num_rows for batch in made) == 16
    assert [name for batch in made for name in batch.column(0).to_pylist()] == [f"{at}" for at in range(100)]


def test_a_stage_that_loses_a_row_is_found_out() -> None:
    with pytest.raises(EngineError, match="took 40 rows but yielded 37"):
        list(FrameTask(Payload.of(Drops()), Drops.schema)(partition(40)))


def test_an_error_can_come_as_a_row_so_that_spark_does_not_try_again() -> None:
    *made, told = FrameTask(Payload.of(Drops()), Drops.schema, telling=True)(partition(40))
    assert all(batch.column(ERROR).null_count == batch.num_rows for batch in made)
    assert "took 40 rows but yielded 37" in told.column(ERROR)[0].as_py()


class Held:
    def __init__(self, value: pa.Table) -> None:
        self.value = value


def test_content_finds_what_is_known_of_it_by_its_key() -> None:
    known = pa.table({"image_id": ["a", "b", "c"], KEY: ["x/a", "x/b", "x/c"]})
    keys = pa.table({KEY: ["x/c", "x/strange", "x/a"], "content": [b"C", b"?", b"A"]})
    rows = pa.Table.from_batches(joined(iter(keys.to_batches()), known))
    assert rows.to_pylist() == [{"image_id": "c", "content": b"C"}, {"image_id": "a", "content": b"A"}]


def test_types_that_spark_lacks_become_wider_ones() -> None:
    fixed = pa.schema(
        [("a", pa.binary(8)), ("b", pa.list_(pa.float16(), 3)), ("c", pa.uint16()), ("d", pa.int32())]
    )
    wider = pa.schema(
        [("a", pa.binary()), ("b", pa.list_(pa.float32())), ("c", pa.int32()), ("d", pa.int32())]
    )
    assert spark_schema(fixed) == wider


def test_parts_end_by_rows_by_bytes_and_never_inside_a_unit() -> None:
    alone = np.arange(600)
    assert cut_parts(np.ones(600, np.int64), alone) == [(0, 256), (256, 512), (512, 600)]
    heavy = np.full(4, 2**25, np.int64)
    assert cut_parts(heavy, np.arange(4)) == [(0, 2), (2, 4)]
    assert cut_parts(heavy, np.array([0, 0, 0, 1])) == [(0, 3), (3, 4)]
    assert cut_parts(np.ones(0, np.int64), np.arange(0)) == []


def test_waves_hold_every_missing_part_once_and_stay_within_bytes() -> None:
    sizes = np.array([2**28, *[10_000] * 3000], np.int64)  # 256 MB beside 10 kB
    parts = cut_parts(sizes, np.arange(len(sizes)))
    missing = [at for at in range(len(parts)) if at != 2]
    waves = list(group_waves(parts, sizes, missing, cores=2))
    assert [at for wave in waves for at in wave] == missing
    for wave in waves:
        rows = sum(parts[at][1] - parts[at][0] for at in wave)
        size = sum(int(sizes[slice(*parts[at])].sum()) for at in wave)
        assert len(wave) == 1 or (rows <= 1024 and size <= 2**29)


@pytest.mark.parametrize(
    ("records", "by_bytes", "largest", "expected"),
    [
        ("10000", "67108864b", None, {}),
        ("10000", "64m", None, {}),
        ("10000", "256m", None, {BYTES: "67108864"}),
        ("10000", "-1b", None, {BYTES: "67108864"}),
        ("10000", "9223372036854775807b", None, {BYTES: "67108864"}),
        ("10000", None, None, {RECORDS: "64"}),
        ("64", None, None, {}),
        ("64", None, 200 * 2**20, {RECORDS: "1"}),
        ("64", None, 10_000, {}),
        ("0", None, None, {RECORDS: "64"}),
    ],
)
def test_a_batch_of_images_stays_below_the_limit_of_arrow(
    records: str, by_bytes: str | None, largest: int | None, expected: dict[str, str]
) -> None:
    assert batch_settings(records, by_bytes, largest=largest) == expected


def test_statuses_are_read_as_hadoop_wrote_them() -> None:
    # Of Hadoop 3.5's RawLocalFileSystem; a byte of its buffer stands behind them.
    written = (
        b'\x00\x00\x00I\x08\x02\x12\x1afile:/tmp/fr/odd[x]/\xc3\xa9.png\x18\x02"\x03\x08\xa4\x03*\x04root2\x04'
        b"root8\x92\x91\xe5\xfd\x9f4@\x8f\x91\xe5\xfd\x9f4P\x01X\x80\x80\x80\x10\x90\x01\x00"
        b'\x00\x00\x00H\x08\x02\x12\x19file:/tmp/fr/odd[x]/e.png\x18\x00"\x03\x08\xa4\x03*\x04root2\x04root8'
        b"\x8f\x91\xe5\xfd\x9f4@\x8f\x91\xe5\xfd\x9f4P\x01X\x80\x80\x80\x10\x90\x01\x00\x00"
    )
    one, other = parse_statuses(written, 2)
    assert (one.path, one.name, one.size) == ("file:/tmp/fr/odd[x]/é.png", "é.png", 2)
    assert (other.size, other.is_folder, other.modified) == (0, False, 1795291695247)
    for end in range(len(written) - 1):
        with pytest.raises(ValueError, match=r"early|no path"):
            parse_statuses(written[:end], 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3a://bucket/x", True),
        ("abfss://c@account.dfs.core.windows.net/x", True),
        ("dbfs:/x", True),
        ("file:///x", True),
        ("/data/x", False),
        ("x.png", False),
        ("C:/x", False),
        ("a:b/c", False),
        ("://x", False),
    ],
)
def test_a_uri_is_known_by_its_scheme(text: str, expected: bool) -> None:
    assert is_uri(text) is expected


def test_letters_stay_and_what_is_special_in_a_uri_is_encoded() -> None:
    assert encoded("file:/a é%/[1].jpg") == "file:/a%20é%25/%5B1%5D.jpg"
