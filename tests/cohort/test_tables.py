from __future__ import annotations

import csv
import datetime
import io
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overread.cohort.tables import parse_text, read_table
from overread.errors import CohortError

HERE = Path("table.csv")
cell = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\x1c\x1d\x1e\x85\u2028\u2029"),
    max_size=12,
)


@settings(max_examples=150, deadline=None)
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


@settings(max_examples=150, deadline=None)
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
