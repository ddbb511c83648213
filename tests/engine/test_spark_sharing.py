"""How slices become tasks, and how progress is read from the parts that appear."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overread.engine.parts import part_name
from overread.engine.slices import BATCH_BYTES, Segment, Slice, plan_slices, read_slice
from overread.engine.spark.seen_parts import SeenParts
from overread.engine.spark.shares import share_out

MB = 2**20


def slices(*sizes: int, rows: int = 64) -> list[Slice]:
    return [
        Slice(at, at * rows, rows, (Segment(Path("a"), 0, 0, rows, size // rows),))
        for at, size in enumerate(sizes)
    ]


@given(st.lists(st.integers(0, 500 * MB), min_size=1, max_size=300), st.integers(1, 64))
def test_every_slice_is_in_one_share_and_in_order(sizes: list[int], at_once: int) -> None:
    pieces = slices(*sizes)
    shares = share_out(pieces, at_once=at_once)
    assert [piece for share in shares for piece in share] == pieces
    assert all(shares)


@given(st.lists(st.integers(0, 500 * MB), min_size=1, max_size=300), st.integers(1, 16))
def test_no_share_is_heavier_than_its_part_and_a_slice(sizes: list[int], at_once: int) -> None:
    pieces = slices(*sizes)
    weight = {piece.index: piece.bytes + 20_000 * piece.rows for piece in pieces}
    most = sum(weight.values()) / (8 * at_once)
    for share in share_out(pieces, at_once=at_once):
        assert sum(weight[piece.index] for piece in share) <= most + max(
            weight[piece.index] for piece in share
        )


def test_heavy_slices_are_not_one_task() -> None:
    """Ninety small slices, and ten at the end that hold a hundred times as much."""
    shares = share_out(slices(*[MB] * 90, *[100 * MB] * 10), at_once=2)
    heavy = [share for share in shares if any(piece.index >= 90 for piece in share)]
    assert len(heavy) == 10


def test_shares_get_smaller_towards_the_end_and_are_few() -> None:
    shares = share_out(slices(*[3 * MB] * 1600), at_once=2)
    assert len(shares[0]) == 100
    assert len(shares[-1]) == len(shares[-2]) == 1
    assert len(shares) < 60


def test_the_weight_of_a_slice_counts_the_columns_that_are_read(tmp_path: Path) -> None:
    rows = pa.table({"image_id": [str(at) for at in range(8)], "content": [os.urandom(10_000)] * 8})
    pq.write_table(rows, tmp_path / "a.parquet", use_dictionary=False, compression="none")
    (whole,) = plan_slices(tmp_path / "a.parquet", rows_per_part=8, columns=None).slices
    (names,) = plan_slices(tmp_path / "a.parquet", rows_per_part=8, columns=["image_id"]).slices
    assert 80_000 <= whole.bytes < 90_000
    assert names.bytes < 1_000


def test_large_rows_make_small_batches_that_depend_on_the_source_alone(tmp_path: Path) -> None:
    content = [bytes(BATCH_BYTES // 3)] * 5
    rows = pa.table({"n": range(5), "content": content})
    pq.write_table(rows, tmp_path / "a.parquet", use_dictionary=False, compression="zstd")
    (piece,) = plan_slices(tmp_path / "a.parquet", rows_per_part=8, columns=None).slices
    read = list(read_slice(piece, columns=None))
    assert [batch.num_rows for batch in read] in ([2, 2, 1], [3, 2])
    assert max(batch.nbytes for batch in read) <= BATCH_BYTES * 1.01
    assert [n for batch in read for n in batch.column("n").to_pylist()] == list(range(5))


def test_parts_are_seen_as_they_appear_and_settled_in_the_end(tmp_path: Path) -> None:
    pieces = slices(*[MB] * 9)
    shares = [tuple(pieces[:4]), tuple(pieces[4:8]), tuple(pieces[8:])]
    seen = SeenParts(tmp_path, shares, at_once=2)
    assert seen.look() == 0
    for at in (0, 1, 4):
        (tmp_path / part_name(at)).touch()
    assert seen.look() == 3 * 64
    assert seen.look() == 0
    for at in (2, 3, 6, 8):
        (tmp_path / part_name(at)).touch()
    assert seen.look() == 3 * 64  # 6 comes behind 5, which is not there
    assert seen.settle() == (64, 2)


def test_a_look_asks_for_few_files_of_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = slices(*[MB] * 20_000)
    seen = SeenParts(tmp_path, share_out(pieces, at_once=4), at_once=4)
    asked = []
    real = Path.exists

    def exists(path: Path) -> bool:
        asked.append(path)
        return real(path)

    monkeypatch.setattr(Path, "exists", exists)
    assert seen.look() == 0
    assert len(asked) < 10
