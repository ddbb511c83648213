from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from overread.bundle import Bundle, predict
from overread.bundle.inputs import list_inputs
from overread.bundle.manifest import MetadataField
from overread.bundle.metadata_table import MetadataTable
from overread.engine import LocalEngine, list_parts
from overread.errors import CohortError, UsageError
from tests.bundle.asking import FIELDS, asking_bundle
from tests.bundle.conftest import encode, make_pixels

ONE = LocalEngine(workers=1)
SITE = MetadataField(name="site", kind="category", categories=("back", "face"))


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return asking_bundle(tmp_path_factory.mktemp("asking") / "skin")


def write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def listed(inputs: list[Path], out: Path, **settings: object) -> list[dict[str, object]]:
    folder = list_inputs(inputs, out, fields=FIELDS, **settings)  # type: ignore[arg-type]
    return [row for part in list_parts(folder) for row in pq.read_table(part).to_pylist()]


@pytest.mark.parametrize(
    ("cell", "image_id", "uri"),
    [
        ("ISIC_1", "ISIC_1", "/data/ISIC_1.jpg"),
        ("ISIC_1.jpg", "x", "/data/ISIC_1.jpg"),
        ("data/ISIC_1.jpg", "x", "/home/data/ISIC_1.jpg"),
        ("/home/data/ISIC_1.jpg", "x", "ISIC_1.jpg"),
        ("1.2.840.7", "x", "/data/1.2.840.7.png"),
        ("a/1", "a/1", None),
    ],
)
def test_image_finds_its_row(tmp_path: Path, cell: str, image_id: str, uri: str | None) -> None:
    table = MetadataTable(write(tmp_path / "t.csv", f"image,age,sex\nother,1,M\n{cell},61,F\n"), FIELDS)
    assert table.of(image_id, uri) == {"age": 61.0, "sex": "F"}
    assert table.of("nobody", "/data/nobody.png") == {}
    assert table.matched == 1


def test_columns_are_found_by_the_names_that_an_ingest_knows(tmp_path: Path) -> None:
    said = "image_id,dx,Age_Approx,gender,localization\na,nv,061Y,female,back\nb,mel,,unknown,\n"
    table = MetadataTable(write(tmp_path / "t.csv", said), (*FIELDS, SITE))
    assert table.of("a", None) == {"age": 61.0, "sex": "female", "site": "back"}
    assert table.of("b", None) == {}
    assert table.lacking == []


def test_rows_that_agree_are_one_and_rows_that_differ_are_an_error(tmp_path: Path) -> None:
    table = MetadataTable(write(tmp_path / "t.csv", "image,age\na,61\na,61.0\n"), FIELDS)
    assert table.of("a", None) == {"age": 61.0}
    with pytest.raises(UsageError, match=r"rows 1 and 3 fit the same image and differ"):
        MetadataTable(write(tmp_path / "u.csv", "image,age\na,61\nb,1\na,62\n"), FIELDS)
    folders = MetadataTable(write(tmp_path / "v.csv", "image,age\nx/a.png,61\ny/a.png,62\n"), FIELDS)
    assert folders.of("1", "/data/x/a.png") == {"age": 61.0}
    with pytest.raises(UsageError, match=r"rows 1 and 2 fit the same image"):
        folders.of("1", "a.png")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,age\na,61\n", "has no column that names images"),
        ("image,weight\na,61\n", "has no column for age, sex"),
        ("image,age\nb,61\n", "none of its 1 rows names one of the images"),
    ],
)
def test_table_that_does_not_fit_is_refused(tmp_path: Path, text: str, message: str) -> None:
    image = tmp_path / "a.png"
    image.write_bytes(encode(make_pixels()))
    with pytest.raises(UsageError, match=message):
        listed([image], tmp_path / "out", metadata=write(tmp_path / "t.csv", text))
    with pytest.raises(UsageError, match="there is no such table"):
        listed([image], tmp_path / "out", metadata=tmp_path / "none.csv")
    with pytest.raises(CohortError):
        listed([image], tmp_path / "out", metadata=image)


def test_parquet_brings_its_own_columns_and_a_table_has_the_last_word(tmp_path: Path) -> None:
    own = pa.table(
        {
            "image_id": ["a", "b", "c"],
            "content": [encode(make_pixels(i)) for i in range(3)],
            "age": pa.array([30, None, 50], pa.int32()),
            "gender": ["F", "M", None],
        }
    )
    pq.write_table(own, tmp_path / "own.parquet")
    rows = listed([tmp_path / "own.parquet"], tmp_path / "out")
    assert [(row["age"], row["sex"]) for row in rows] == [(30.0, "F"), (None, "M"), (50.0, None)]
    table = write(tmp_path / "t.csv", "image_id,age,sex\na,31,\nc,,M\n")
    rows = listed([tmp_path / "own.parquet"], tmp_path / "out", metadata=table)
    assert [(row["age"], row["sex"]) for row in rows] == [(31.0, "F"), (None, "M"), (50.0, "M")]


def test_numbers_that_are_none_are_not_known(asking: Path, tmp_path: Path) -> None:
    ages = pa.array([61, float("nan"), float("inf"), -1e300, None], pa.float64())
    contents = [encode(make_pixels(i)) for i in range(5)]
    own = pa.table({"image_id": list("abcde"), "content": contents, "age": ages})
    pq.write_table(own, tmp_path / "own.parquet")
    rows = listed([tmp_path / "own.parquet"], tmp_path / "out")
    assert [row["age"] for row in rows] == [61.0, None, None, None, None]
    summary = predict(asking, [tmp_path / "own.parquet"], tmp_path / "r.parquet", engine=ONE)
    assert (summary.read, summary.without_metadata) == (5, 4)


def test_parquet_of_text_is_read_as_a_table_and_other_types_are_refused(tmp_path: Path) -> None:
    images = {"image_id": ["a", "b"], "content": [encode(make_pixels(i)) for i in range(2)]}
    pq.write_table(pa.table({**images, "age": ["061Y", "?"]}), tmp_path / "own.parquet")
    assert [row["age"] for row in listed([tmp_path / "own.parquet"], tmp_path / "out")] == [61.0, None]
    pq.write_table(pa.table({**images, "age": [[1], [2]]}), tmp_path / "own.parquet")
    with pytest.raises(UsageError, match="the column for 'age' is of type list"):
        listed([tmp_path / "own.parquet"], tmp_path / "out")


def test_predict_reads_by_the_table_and_counts_who_is_not_in_it(
    asking: Path, image_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = image_folder(5)
    table = write(tmp_path / "t.csv", "filename;age;sex\n00.png;61;F\n01.png;;M\n03.png;30;X\n04.png;?;\n")
    out = tmp_path / "r.csv"
    summary = predict(asking, [folder], out, metadata=table, engine=ONE)
    assert (summary.read, summary.without_metadata) == (5, 2)
    rows = list(csv.DictReader(out.open(encoding="utf-8")))
    assert [row["metadata_missing"] for row in rows] == ["", "age", "age, sex", "sex", "age, sex"]
    told = [{"age": 61, "sex": "F"}, {"sex": "M"}, None, {"age": 30}, None]
    readings = Bundle.load(asking).read([folder / f"{at:02d}.png" for at in range(5)], told)
    for row, reading in zip(rows, readings, strict=True):
        assert np.float32(row["score.malignant"]) == reading.scores[0]
    assert b"61" not in (tmp_path / "r.rejects.parquet").read_bytes()


def test_workers_do_not_change_a_byte(
    asking: Path, image_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = image_folder(70)
    table = write(tmp_path / "t.tsv", "image\tage\n" + "".join(f"{at:02d}\t{at}\n" for at in range(50)))
    for workers in (1, 2):
        engine = LocalEngine(workers=workers)
        predict(asking, [folder], tmp_path / f"{workers}.parquet", metadata=table, engine=engine)
    one = tmp_path / "1.parquet"
    assert one.read_bytes() == (tmp_path / "2.parquet").read_bytes()
    missing = {row["image_id"]: row["metadata_missing"] for row in pq.read_table(one).to_pylist()}
    assert missing == {f"{at:02d}": "sex" if at < 50 else "age, sex" for at in range(70)}


def test_changed_table_makes_other_readings_of_the_same_images(
    asking: Path, image_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder, out = image_folder(2), tmp_path / "r.parquet"
    scores = []
    for age in (20, 80):
        table = write(tmp_path / "t.csv", f"image,age\n00,{age}\n")
        predict(asking, [folder], out, metadata=table, engine=ONE)
        scores.append(pq.read_table(out)["score"].to_pylist())
    assert scores[0][0] < scores[1][0]
    assert scores[0][1] == scores[1][1]


def test_bundle_that_asks_for_nothing_refuses_a_table(
    bundle_path: Path, image_folder: Callable[..., Path], tmp_path: Path
) -> None:
    table = write(tmp_path / "t.csv", "image,age\n00,61\n")
    with pytest.raises(UsageError, match="reads images alone"):
        predict(bundle_path, [image_folder(1)], tmp_path / "r.csv", metadata=table, engine=ONE)
    summary = predict(bundle_path, [tmp_path / "images"], tmp_path / "r.csv", engine=ONE)
    assert summary.without_metadata == 0
