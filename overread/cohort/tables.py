"""CSV, TSV, Excel and Parquet tables, every cell as text: an id keeps its leading zeros."""

from __future__ import annotations

import csv
import gzip
import io
import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import zip_longest
from pathlib import Path

from overread.errors import CohortError

_TEXT_SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".tab"})
TABLE_SUFFIXES = _TEXT_SUFFIXES | {".xlsx", ".xlsm", ".parquet"}
"""Endings of tables; those of text may be followed by `.gz`."""
_LARGEST_UNPACKED = 2**29
_HEADER = 2**16
_DELIMITERS = ",;\t|"
_LARGEST_CELL = 2**24


@dataclass(frozen=True)
class TextTable:
    """A table of text.

    Attributes:
        path: Where it was read.
        columns: Names of the columns, distinct where they are not empty.
        rows: Cells, stripped, as many as columns in each row; "" for empty.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def column(self, name: str) -> list[str]:
        """The cells of one column."""
        at = self.columns.index(name)
        return [row[at] for row in self.rows]


def is_table(path: Path) -> bool:
    """Whether a name ends like a table's."""
    return _suffix(path) in TABLE_SUFFIXES


def table_stem(path: Path) -> str:
    """A table's name without its ending.

    Example:
        >>> table_stem(Path("nih/Data_Entry_2017.csv.gz"))
        'Data_Entry_2017'
    """
    return Path(path.stem).stem if path.suffix.lower() == ".gz" else path.stem


def peek_columns(path: Path, *, suffix: str | None = None) -> tuple[str, ...]:
    """The header of a table of text, without reading the rest; empty where it cannot be told.

    Args:
        path: The table.
        suffix: What to take its ending for; None for what it is.
    """
    if (suffix or _suffix(path)) not in _TEXT_SUFFIXES:
        return ()
    try:
        with path.open("rb") as plain:
            content = plain.read(_HEADER)
        if path.suffix.lower() == ".gz":
            content = zlib.decompressobj(wbits=31).decompress(content, _HEADER)
        if len(content) >= _HEADER and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
            content = content[: content.rfind(b"\n") + 1]  # a character may have been cut in two
        text = _decode_text(content)
        first = next((line for line in text.splitlines() if line.strip()), "")
        row = next(csv.reader([first], delimiter=_delimiter(first)), [])
    except (OSError, zlib.error, csv.Error):
        return ()
    return tuple(cell.strip() for cell in row)


def read_table(path: Path, *, suffix: str | None = None) -> TextTable:
    """Read a table; the suffix says how.

    CSV may be divided by comma, semicolon, tab or bar, quoted, with or without byte order mark, in UTF-8,
    UTF-16 (as Excel's "Unicode text") or Windows-1252, and packed by gzip (`.csv.gz`, up to 512 MiB of text).
    Of a workbook the first sheet is read.

    Args:
        path: The table.
        suffix: What to take its ending for; None for what it is.

    Raises:
        CohortError: The file is missing, of another kind or damaged, or its rows do not fit its header.
    """
    suffix = suffix or _suffix(path)
    if not path.is_file():
        raise CohortError("there is no such table", where=f"table '{path}'", todo="name the table of labels")
    if suffix not in TABLE_SUFFIXES:
        raise CohortError(
            f"expected a CSV, TSV, Excel (.xlsx) or Parquet table, got {suffix or 'no suffix'!r}",
            where=f"table '{path}'",
            todo="save it as CSV",
        )
    try:
        if suffix == ".parquet":
            return _from_parquet(path)
        if suffix in {".xlsx", ".xlsm"}:
            return _from_excel(path)
        return parse_text(_content(path), path=path)
    except OSError as error:
        raise CohortError(
            f"could not be read: {error.strerror or error}", where=f"table '{path}'", todo="check the file"
        ) from error


def read_lines(path: Path) -> list[str]:
    """The lines of a text file, packed by gzip or not, without those that are empty.

    Raises:
        CohortError: It cannot be read, is damaged or holds too much.
    """
    try:
        text = _decode_text(_content(path))
    except OSError as error:
        raise CohortError(
            f"could not be read: {error.strerror or error}", where=f"list '{path}'", todo="check the file"
        ) from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def parse_text(content: bytes, *, path: Path) -> TextTable:
    """Read the bytes of a CSV or TSV file.

    Raises:
        CohortError: See `read_table`.
    """
    text = _decode_text(content)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    before = csv.field_size_limit(_LARGEST_CELL)
    rows: list[tuple[int, Sequence[str]]] = []
    try:
        for row in reader:
            rows.append((reader.line_num, row))
    except csv.Error as error:
        raise CohortError(
            f"line {reader.line_num}: {error}",
            where=f"table '{path}'",
            todo="close the quotes, or save it again",
        ) from error
    finally:
        csv.field_size_limit(before)
    return _shape(path, rows)


def _suffix(path: Path) -> str:
    """The ending in lower case, of `a.csv.gz` that of `a.csv`; gzip of anything but text has none of ours."""
    suffix = path.suffix.lower()
    if suffix != ".gz":
        return suffix
    inner = Path(path.stem).suffix.lower()
    return inner if inner in _TEXT_SUFFIXES else suffix


def _content(path: Path) -> bytes:
    """The content of a file; of one packed by gzip no more than the limit, however small it is itself.

    Raises:
        CohortError: It is damaged, ends early or holds too much.
        OSError: It cannot be read.
    """
    if path.suffix.lower() != ".gz":
        return path.read_bytes()
    where = f"table '{path}'"
    try:
        with gzip.open(path) as handle:
            content = handle.read(_LARGEST_UNPACKED + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise CohortError(
            "could not be unpacked: it is damaged or ends early", where=where, todo="bring it again"
        ) from error
    if len(content) > _LARGEST_UNPACKED:
        raise CohortError(
            f"expected at most {_LARGEST_UNPACKED // 2**20} MiB once unpacked, got more",
            where=where,
            todo="unpack it yourself, or save it as Parquet",
        )
    return content


def _decode_text(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _delimiter(text: str) -> str:
    """The delimiter that stands most often in the header, outside quotes."""
    counts = dict.fromkeys(_DELIMITERS, 0)
    quoted, begun = False, False
    for character in text:
        if character == '"':
            quoted = not quoted
        elif character in "\r\n" and not quoted:
            if begun:
                break
        elif not quoted and character in counts:
            counts[character] += 1
        begun = begun or not character.isspace()
    best = max(counts, key=lambda character: counts[character])
    return best if counts[best] else ","


def _from_excel(path: Path) -> TextTable:
    import zipfile

    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        try:
            sheet = book.worksheets[0]
            rows = [
                (at, [_text(cell) for cell in row])
                for at, row in enumerate(sheet.iter_rows(values_only=True), 1)
            ]
        finally:
            book.close()
    except (
        InvalidFileException,
        zipfile.BadZipFile,
        KeyError,
        IndexError,
        ValueError,
        TypeError,
        SyntaxError,
    ) as error:
        raise CohortError(
            "could not be read as an Excel workbook", where=f"table '{path}'", todo="save it as CSV"
        ) from error
    return _shape(path, rows)


def _from_parquet(path: Path) -> TextTable:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names = [field.name for field in file.schema_arrow if not pa.types.is_binary(field.type)]
            columns = [file.read(columns=[name])[name].to_pylist() for name in names]
    except pa.ArrowException as error:
        raise CohortError(
            "could not be read as Parquet", where=f"table '{path}'", todo="make it again"
        ) from error
    rows = [names, *([_text(cell) for cell in row] for row in zip(*columns, strict=True))]
    return _shape(path, list(enumerate(rows, 1)))


def _text(cell: object) -> str:
    """A cell as a person would have typed it into a CSV file."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == datetime.min.time():
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, list | tuple):
        return "|".join(map(_text, cell))
    return str(cell)


def _shape(path: Path, rows: Iterable[tuple[int, Sequence[str]]]) -> TextTable:
    """Header and rows of one width; empty lines and empty cells at a row's end do not count.

    Raises:
        CohortError: There is no header, a column stands twice, or a row is longer than the header.
    """
    where = f"table '{path}'"
    full = [(line, tuple(cell.strip() for cell in row)) for line, row in rows]
    full = [(line, row) for line, row in full if any(row)]
    if not full:
        raise CohortError("is empty", where=where, todo="give it a header and a row for each image")
    header = full[0][1]
    while header and not header[-1]:
        header = header[:-1]
    named = [name for name in header if name]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise CohortError(f"the column {twice[0]!r} stands twice", where=where, todo="rename one of them")
    shaped = []
    for line, row in full[1:]:
        if any(row[len(header) :]):
            raise CohortError(
                f"line {line}: expected {len(header)} cells as in the header, got {len(row)}",
                where=where,
                todo="quote cells that hold the delimiter",
            )
        cells = row[: len(header)]
        shaped.append(tuple(cell for cell, _ in zip_longest(cells, header, fillvalue="")))
    return TextTable(path, header, tuple(shaped))
