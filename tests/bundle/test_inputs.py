from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from overread.bundle import list_inputs
from overread.bundle.inputs import INPUT_SCHEMA
from overread.engine import list_parts
from overread.errors import UsageError
from overread.progress import SilentProgress


def listed(inputs: list[Path], out: Path, **settings: object) -> list[dict[str, object]]:
    folder = list_inputs(inputs, out / "listing", **settings)  # type: ignore[arg-type]
    return [row for part in list_parts(folder) for row in pq.read_table(part).to_pylist()]


def ids(rows: list[dict[str, object]]) -> list[object]:
    return [row["image_id"] for row in rows]


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


class Listener(SilentProgress):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


def test_folder_is_searched_to_the_bottom_and_sorted(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    touch(folder / "b.JPG", folder / "sub" / "deep" / "a.tiff", folder / "a.x.png", folder / "notes.txt")
    touch(folder / ".hidden.jpg", folder / ".cache" / "a.jpg")
    listener = Listener()
    rows = listed([folder], tmp_path, progress=listener)
    assert ids(rows) == ["a.x", "b", "sub/deep/a"]
    assert [row["uri"] for row in rows] == [
        str(folder / name) for name in ("a.x.png", "b.JPG", "sub/deep/a.tiff")
    ]
    assert listener.notes == [f"'{folder}': 2 files that are no images by their names were left out"]


def test_names_that_two_share_become_longer(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    touch(one / "a.jpg", one / "a.png", one / "b.jpg", two / "b.jpg", two / "c.jpg", two / "a.png.jpg")
    rows = listed([one, two], tmp_path)
    assert ids(rows) == [
        "a.jpg",
        (one / "a.png").as_posix(),
        (one / "b.jpg").as_posix(),
        (two / "a.png.jpg").as_posix(),
        (two / "b.jpg").as_posix(),
        "c",
    ]
    assert len(set(ids(rows))) == len(rows)


def test_file_given_twice_is_listed_once_at_its_first_place(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    touch(folder / "a.jpg", folder / "b.jpg", folder / "c.jpg")
    assert ids(listed([folder / "b.jpg", folder, folder / "b.jpg"], tmp_path)) == ["b", "a", "c"]


def test_file_named_by_hand_is_listed_whatever_its_ending(tmp_path: Path) -> None:
    touch(tmp_path / "scan.bin")
    assert ids(listed([tmp_path / "scan.bin"], tmp_path)) == ["scan"]


def test_file_name_that_is_no_utf8_is_listed(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.jpg")).write_bytes(b"x")
    assert ids(listed([folder], tmp_path)) == ["caf\\xe9"]


def test_thousands_of_files_become_several_parts_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    touch(*(folder / f"{index:05d}.jpg" for index in range(4200)))
    out = list_inputs([folder], tmp_path / "listing")
    assert [pq.read_metadata(part).num_rows for part in list_parts(out)] == [4096, 104]
    assert ids(listed([folder], tmp_path)) == [f"{index:05d}" for index in range(4200)]


def test_same_files_give_the_same_bytes_and_a_changed_file_others(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    touch(folder / "a.jpg", folder / "b.jpg")
    first, second = (list_inputs([folder], tmp_path / name) / "part-00000.parquet" for name in ("l1", "l2"))
    assert first.read_bytes() == second.read_bytes()
    (folder / "b.jpg").write_bytes(b"longer")
    assert first.read_bytes() != (list_inputs([folder], tmp_path / "l3") / "part-00000.parquet").read_bytes()


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    def make(name: str, **columns: list[object]) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), path)
        return path

    return make


def test_parquet_rows_are_taken_with_their_content(tmp_path: Path, table: Callable[..., Path]) -> None:
    path = table("a.parquet", image_id=["x", "y"], content=[b"1", None], uri=["u", "v"], other=[1, 2])
    rows = listed([path], tmp_path)
    assert [(row["image_id"], row["uri"], row["content"]) for row in rows] == [
        ("x", "u", b"1"),
        ("y", "v", None),
    ]


def test_parquet_of_uris_alone_is_enough(tmp_path: Path, table: Callable[..., Path]) -> None:
    assert ids(listed([table("a.parquet", uri=["u.jpg", "v.jpg"])], tmp_path)) == ["u.jpg", "v.jpg"]


def test_large_columns_of_other_writers_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    names, content = pa.array(["x"], pa.large_string()), pa.array([b"1"], pa.large_binary())
    pq.write_table(pa.table({"image_id": names, "content": content}), path)
    folder = list_inputs([path], tmp_path / "listing")
    assert pq.read_schema(folder / "part-00000.parquet").equals(INPUT_SCHEMA)


def test_cohort_is_taken_from_its_parts(tmp_path: Path, table: Callable[..., Path]) -> None:
    touch(tmp_path / "cohort" / "cohort.json")
    table("cohort/images/part-00000.parquet", image_id=["a"], uri=["u"], content=[b"1"])
    table("cohort/images/part-00001.parquet", image_id=["b"], uri=["v"], content=[b"2"])
    assert ids(listed([tmp_path / "cohort"], tmp_path)) == ["a", "b"]


def test_image_id_that_stands_twice_is_refused(tmp_path: Path, table: Callable[..., Path]) -> None:
    path = table("a.parquet", image_id=["x", "x"], uri=["u", "v"])
    with pytest.raises(UsageError, match="image_id 'x' is there twice"):
        listed([path], tmp_path)
    touch(tmp_path / "x.jpg")
    with pytest.raises(UsageError, match="twice"):
        listed([tmp_path / "x.jpg", table("b.parquet", image_id=["x"], uri=["u"])], tmp_path)
    with pytest.raises(UsageError, match="has no image_id"):
        listed([table("c.parquet", image_id=["x", None], uri=["u", "v"])], tmp_path)


def test_what_cannot_be_listed_is_one_sentence(tmp_path: Path, table: Callable[..., Path]) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    touch(tmp_path / "broken.parquet")
    for inputs, message in [
        ([empty], "folder '.*empty': holds no image; known endings are"),
        ([tmp_path / "gone"], "there is no such file or folder"),
        ([tmp_path / "broken.parquet"], "cannot be read as Parquet"),
        ([table("a.parquet", title=["x"])], "expected the columns"),
        (
            [table("e.parquet", image_id=pa.array([], pa.string()), uri=pa.array([], pa.string()))],
            "holds no image",
        ),
        ([], "holds no image"),
    ]:
        with pytest.raises(UsageError, match=message):
            list_inputs(inputs, tmp_path / "listing")
