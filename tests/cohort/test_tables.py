from __future__ import annotations

import csv
import datetime
import gzip
import io
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overread.cohort import tables
from overread.cohort.tables import is_table, parse_text, peek_columns, read_lines, read_table, table_stem
from overread.errors import CohortError

HERE = Path("table.csv")
cell = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\x1c\x1d\x1e\x85\u2028\u2029"),
    max_size=12,
)


@settings(max_examples=150)
@given(
    rows=st.lists(st.lists(cell, min_size=3, max_size=3), max_size=6),
    delimiter=st.sampled_from(",;\t"),
    ending=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_was_written_is_read(rows: list[list[str]], delimiter: str, ending: str, encoding: str) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator=ending, quoting=csv.QUOTE_ALL)
    writer.writerows([["image", "the label", "age"], *rows])
    table = parse_text(file.getvalue().encode(encoding), path=HERE)
    assert table.columns == ("image", "the label", "age")
    stripped = [tuple(one.strip() for one in row) for row in rows]
    assert table.rows == tuple(row for row in stripped if any(row))


@settings(max_examples=150)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_table_or_one_sentence(content: bytes) -> None:
    said = ""
    try:
        table = parse_text(content, path=HERE)
    except CohortError as error:
        said = str(error)
    assert said.startswith("table 'table.csv': ") or all(len(row) == len(table.columns) for row in table.rows)


def test_ids_keep_their_zeros_and_short_rows_are_filled() -> None:
    table = parse_text(b"image,label,patient_id\n\n007,benign,0012\n008,benign\n009,benign,1,,\n", path=HERE)
    assert table.rows == (("007", "benign", "0012"), ("008", "benign", ""), ("009", "benign", "1"))
    assert table.column("patient_id") == ["0012", "", "1"]


def test_a_delimiter_within_quotes_does_not_mislead() -> None:
    assert parse_text(b'"a,b,c,d";e\n1;2\n', path=HERE).columns == ("a,b,c,d", "e")


def test_windows_text_is_read() -> None:
    assert parse_text("image;site\n1;Rücken\n".encode("cp1252"), path=HERE).rows == (("1", "Rücken"),)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty; give it a header"),
        (b"\n \n", "is empty"),
        (b"a,b\n1,2\n1,2,3\n", "line 3: expected 2 cells as in the header, got 3"),
        (b'a,b\n"1,2\n', "line 2: unexpected end of data"),
        (b"a,b,a\n1,2,3\n", "the column 'a' stands twice"),
    ],
)
def test_tables_that_are_not_right_are_one_sentence(content: bytes, said: str) -> None:
    with pytest.raises(CohortError, match=said):
        parse_text(content, path=HERE)


def test_a_workbook_is_read_as_a_person_sees_it(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["image", "label", "age", "seen", "benign", None])
    sheet.append(["007", 1, 80.5, datetime.date(2020, 2, 1), True, None])
    sheet.append([8, 1.0, None, datetime.datetime(2020, 2, 1), False, None])
    book.save(tmp_path / "labels.xlsx")
    table = read_table(tmp_path / "labels.xlsx")
    assert table.columns == ("image", "label", "age", "seen", "benign")
    assert table.rows == (("007", "1", "80.5", "2020-02-01", "true"), ("8", "1", "", "2020-02-01", "false"))


def test_parquet_is_read_as_text(tmp_path: Path) -> None:
    table = pa.table(
        {
            "image": ["007", "008"],
            "age": [80.0, None],
            "content": [b"x", b"y"],
            "label": [["a", "b"], []],
        }
    )
    pq.write_table(table, tmp_path / "labels.parquet")
    read = read_table(tmp_path / "labels.parquet")
    assert read.columns == ("image", "age", "label")
    assert read.rows == (("007", "80", "a|b"), ("008", "", ""))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("labels.xlsx", b"PK\x03\x04 no book", "could not be read as an Excel workbook; save it as CSV"),
        ("labels.xlsx", b"", "could not be read as an Excel workbook"),
        ("labels.parquet", b"no", "could not be read as Parquet"),
        ("labels.json", b"{}", "expected a CSV, TSV, Excel .* got '.json'"),
    ],
)
def test_files_of_the_wrong_kind_are_one_sentence(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CohortError, match=said):
        read_table(tmp_path / name)


def test_a_missing_table_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="there is no such table"):
        read_table(tmp_path / "absent.csv")


def test_tables_packed_by_gzip_are_read(tmp_path: Path) -> None:
    packed = tmp_path / "Labels.CSV.gz"
    packed.write_bytes(gzip.compress(b"image,label\n007,mel\n"))
    assert read_table(packed).rows == (("007", "mel"),)
    assert (is_table(packed), table_stem(packed)) == (True, "Labels")
    (tmp_path / "list.txt.gz").write_bytes(gzip.compress(b"a.png 0 1\r\n\nb.png 1 0\n"))
    assert read_lines(tmp_path / "list.txt.gz") == ["a.png 0 1", "b.png 1 0"]
    assert not is_table(tmp_path / "volume.nii.gz")


def test_a_damaged_or_swollen_gzip_file_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = gzip.compress(b"image,label\n" + b"a,mel\n" * 1000)
    path = tmp_path / "labels.csv.gz"
    for damaged in (whole[:-9], whole[:40], b"not gzip", whole[:30] + b"\xff" + whole[31:]):
        path.write_bytes(damaged)
        with pytest.raises(
            CohortError, match=r"labels.csv.gz': could not be unpacked: it is damaged or ends"
        ):
            read_table(path)
    monkeypatch.setattr(tables, "_LARGEST_UNPACKED", 2**10)
    path.write_bytes(whole)
    with pytest.raises(CohortError, match="expected at most 0 MiB once unpacked, got more"):
        read_table(path)


def test_an_unquoted_comma_in_a_header_makes_two_columns() -> None:
    table = parse_text(b"Image Index,OriginalImage[Width,Height],\na.png,2682,2749,\n", path=HERE)
    assert table.columns == ("Image Index", "OriginalImage[Width", "Height]")
    assert table.column("Height]") == ["2749"]


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.csv.gz", "t"])
def test_a_header_is_read_without_the_rest(tmp_path: Path, name: str) -> None:
    content = '\n image\t"the, label"\tâge\n'.encode() + "x\ty\té\n".encode() * 50_000
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    suffix = None if "." in name else ".csv"
    assert peek_columns(tmp_path / name, suffix=suffix) == ("image", "the, label", "âge")


def test_a_header_that_cannot_be_told_is_empty(tmp_path: Path) -> None:
    (tmp_path / "t.csv.gz").write_bytes(b"not gzip")
    (tmp_path / "t.csv").write_bytes(b"")
    for name in ("t.csv.gz", "t.csv", "absent.csv", "t.parquet"):
        assert peek_columns(tmp_path / name) == ()
