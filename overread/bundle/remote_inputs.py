"""What is to be read and lies where only Hadoop reaches: URIs of files, folders and Parquet as one list."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from overread.bundle.inputs import input_schema, with_metadata
from overread.bundle.manifest import MetadataField
from overread.bundle.metadata_table import MetadataTable, field_columns, own_cells
from overread.cohort.candidates import image_ids, without_suffix
from overread.cohort.listing import is_input, is_visible
from overread.engine.spark.frame_reader import HOLDER, RemoteImages
from overread.engine.spark.frame_source import Dataset, dataset_rows, open_dataset
from overread.engine.spark.hadoop import HadoopFiles, Root, is_uri
from overread.errors import UsageError
from overread.imaging import IMAGE_SUFFIXES
from overread.progress import SILENT, Progress

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_NANOSECONDS = 10**6


@dataclass(frozen=True)
class _File:
    """One file: the shortest name that it can have, and all that is known of it."""

    short: str
    uri: str
    path: str
    size: int | None
    modified: int | None


def is_list_of_uris(table: Path) -> bool:
    """Whether a Parquet file of this machine holds no images but says where Hadoop finds them."""
    try:
        with pq.ParquetFile(table) as file:
            if "content" in file.schema_arrow.names or "uri" not in file.schema_arrow.names:
                return False
            first = next(file.iter_batches(1, columns=["uri"]), None)
            cells = first.column(0).to_pylist() if first is not None else []
            return bool(cells) and is_uri(str(cells[0]))
    except (OSError, pa.ArrowException):
        return False


def list_remote(
    session: SparkSession,
    inputs: Sequence[str | Path],
    *,
    taken: Collection[str] = (),
    fields: Sequence[MetadataField] = (),
    known: MetadataTable | None = None,
    progress: Progress = SILENT,
) -> RemoteImages:
    """List everything to read, as `overread.bundle.inputs.list_inputs` does for files of this machine.

    Args:
        session: Of Spark.
        inputs: URIs of image files, of folders (searched through to the bottom), of cohorts, of Parquet files
            and folders of them, or patterns; paths of tables for which `is_list_of_uris` is true.
        taken: Ids that other images have.
        fields: What is to be known of the images beside their pixels.
        known: A table of it; it counts more than an own column of Parquet.
        progress: Is told how many other files the folders hold.

    Returns:
        Files before rows of Parquet, each in the order of the arguments and sorted inside. `uri` is the whole
        URI, `image_id` the path below the folder without its suffix, or the URI where two would share it.

    Raises:
        UsageError: Something is not there, holds no image, or gives an image_id twice.
        EngineError: A file system cannot be reached, or Spark gave up.
    """
    hadoop = HadoopFiles(session)
    files: list[_File] = []
    roots: list[str] = []
    tables: list[pa.Table] = []
    datasets: list[Dataset] = []
    for item in inputs:
        if isinstance(item, Path):
            named = _named(hadoop, pq.read_table(item), fields, where=f"'{item}'")
            tables.append(named)
            roots += _there(named)
            continue
        for root in hadoop.find(item, enter=is_visible):
            inside = _files_of(root, progress)
            if inside:
                files += inside
                roots.append(root.path)
                continue
            path = _parquet_of(root)
            frame = open_dataset(session, path)
            there = _checked_columns(frame.columns, where=f"'{root.uri}'")
            name = "image_id" if "image_id" in there else "uri"
            wanted = {name, *(["uri"] if "uri" in there else [])}
            own = field_columns(fields, there, where=f"'{root.uri}'")
            rows = dataset_rows(frame, sorted({*wanted, *own.values()}))
            if "content" in there:
                datasets.append(Dataset(path, name))
                tables.append(_rows(rows, name, fields, own, where=f"'{root.uri}'"))
            else:
                named = _named(hadoop, rows, fields, where=f"'{root.uri}'")
                tables.append(named)
                roots += _there(named)
    listed = pa.concat_tables([_listed(files, taken, fields), *tables])
    _check_unique(listed["image_id"].to_pylist(), taken)
    if known is not None:
        holders = listed[HOLDER]
        batches = listed.drop_columns([HOLDER]).to_batches()
        listed = pa.Table.from_batches(with_metadata(iter(batches), known, fields), input_schema(fields))
        listed = listed.append_column(HOLDER, holders)
    return RemoteImages(listed, tuple(sorted(set(roots))), tuple(datasets))


def _files_of(root: Root, progress: Progress) -> list[_File]:
    if not root.is_folder:
        name, status = root.files[0]
        if name.lower().endswith(".parquet"):
            return []
        stamp = status.modified * _NANOSECONDS
        return [_File(without_suffix(name), root.uri, status.path, status.size, stamp)]
    held = dict(root.files)
    chosen = [name for name in held if is_input(name.rpartition("/")[2])]
    if (ignored := len(held) - len(chosen)) and chosen:
        progress.note(f"'{root.uri}': {ignored} files that are no images by their names were left out")
    # A folder that cannot be opened is listed too: reading it makes it a reject that says so.
    below = sorted([*chosen, *(name for name, _ in root.closed)])
    files = []
    for name, short in zip(below, image_ids(below), strict=True):
        uri, one = f"{root.uri}/{name}", held.get(name)
        if one is None:
            files.append(_File(short, uri, f"{root.path}/{name}", None, None))
        else:
            files.append(_File(short, uri, one.path, one.size, one.modified * _NANOSECONDS))
    return files


def _parquet_of(root: Root) -> str:
    """Where the Parquet of something without image files lies."""
    names = {name for name, _ in root.files}
    if "cohort.json" in names:
        return f"{root.path}/images"
    visible = (name for name in names if not name.rpartition("/")[2].startswith(("_", ".")))
    if any(name.lower().endswith(".parquet") for name in visible):
        return root.path
    endings = " ".join(sorted(IMAGE_SUFFIXES))
    raise UsageError(
        "holds no image", where=f"'{root.uri}'", todo=f"known endings are {endings}, and .parquet"
    )


def _checked_columns(columns: Sequence[str], *, where: str) -> list[str]:
    if not {"image_id", "uri"} & set(columns) or not {"uri", "content"} & set(columns):
        raise UsageError(
            f"expected the columns 'uri' or 'image_id' and 'content', got {list(columns)}",
            where=where,
            todo="rename its columns",
        )
    return list(columns)


def _rows(
    rows: pa.Table, name: str, fields: Sequence[MetadataField], own: dict[str, str], *, where: str
) -> pa.Table:
    """Rows whose content stands in Parquet."""
    columns: dict[str, Any] = {
        "image_id": rows[name],
        "uri": rows["uri"] if "uri" in rows.column_names else None,
        "size": rows["size"],
        "modified": rows["modified"],
        HOLDER: rows[HOLDER],
        **_fields(rows, fields, own, where=where),
    }
    return _table(columns, rows.num_rows, fields)


def _named(hadoop: HadoopFiles, rows: pa.Table, fields: Sequence[MetadataField], *, where: str) -> pa.Table:
    """Rows that name files by URI; what is not there is listed too, and reading it says so."""
    columns = _checked_columns(rows.column_names, where=where)
    uris = rows["uri"].cast(pa.string()).to_pylist()
    if None in uris:
        raise UsageError("a row has no uri", where=where, todo="name a file in each row")
    found = hadoop.stat(uris)
    own = field_columns(fields, columns, where=where)
    cells: dict[str, Any] = {
        "image_id": rows["image_id" if "image_id" in columns else "uri"],
        "uri": rows["uri"],
        "file": pa.array(
            [(one.path if one else uri).encode() for uri, one in zip(uris, found, strict=True)], pa.binary()
        ),
        "size": pa.array([one.size if one else None for one in found], pa.int64()),
        "modified": pa.array([one.modified * _NANOSECONDS if one else None for one in found], pa.int64()),
        **_fields(rows, fields, own, where=where),
    }
    return _table(cells, rows.num_rows, fields)


def _there(named: pa.Table) -> list[str]:
    """The files that were there when they were listed."""
    rows = zip(named["file"].to_pylist(), named["size"].to_pylist(), strict=True)
    return [file.decode() for file, size in rows if size is not None]


def _fields(
    rows: pa.Table, fields: Sequence[MetadataField], own: dict[str, str], *, where: str
) -> dict[str, pa.Array]:
    return {
        field.name: own_cells(field, rows[own[field.name]].combine_chunks(), where=where)
        for field in fields
        if field.name in own
    }


def _listed(files: Iterable[_File], taken: Collection[str], fields: Sequence[MetadataField]) -> pa.Table:
    first: dict[str, _File] = {}
    for file in files:
        first.setdefault(file.path, file)
    kept = list(first.values())
    columns: dict[str, Any] = {
        "image_id": pa.array(_names(kept, taken), pa.string()),
        "uri": pa.array([file.uri for file in kept], pa.string()),
        "file": pa.array([file.path.encode() for file in kept], pa.binary()),
        "size": pa.array([file.size for file in kept], pa.int64()),
        "modified": pa.array([file.modified for file in kept], pa.int64()),
    }
    return _table(columns, len(kept), fields)


def _names(files: Sequence[_File], taken: Collection[str]) -> list[str]:
    """The short name of each file, or its URI where it is not alone with it."""
    counts: dict[str, int] = dict.fromkeys(taken, 1)
    for file in files:
        counts[file.short] = counts.get(file.short, 0) + 1
    return [file.short if counts[file.short] == 1 else file.uri for file in files]


def _check_unique(names: Sequence[str | None], taken: Collection[str]) -> None:
    seen = set(taken)
    for name in names:
        if name is None or name in seen:
            what = "a row has no image_id" if name is None else f"image_id '{name}' is there twice"
            raise UsageError(what, where="inputs", todo="give each image an image_id of its own")
        seen.add(name)


def _table(columns: dict[str, Any], rows: int, fields: Sequence[MetadataField]) -> pa.Table:
    schema = input_schema(fields).append(pa.field(HOLDER, pa.string()))
    made = [
        pa.nulls(rows, field.type) if (column := columns.get(field.name)) is None else column.cast(field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(made, schema=schema)
