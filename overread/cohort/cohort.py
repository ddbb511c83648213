"""A finished cohort on disk: loading it is checking it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import ValidationError

from overread.cohort.card import CohortCard
from overread.cohort.divide import DUPLICATE_SCHEMA
from overread.cohort.inputs import INPUTS, measurements
from overread.cohort.schema import (
    AUGMENTED_SCHEMA,
    COPY_FIELDS,
    HASHED_COLUMNS,
    IMAGE_SCHEMA,
    REJECT_SCHEMA,
    SCHEMA_VERSION,
    Split,
    Task,
    content_hash,
)
from overread.engine.atomic import unwritable
from overread.engine.parts import list_parts
from overread.engine.stage import COPY
from overread.errors import CohortError

CARD = "cohort.json"
IMAGES = "images"
REJECTS = "rejects.parquet"
DUPLICATES = "duplicates.parquet"
TEST_READS = "test_reads.jsonl"

_AGAIN = "ingest the source again"


class Cohort:
    """A table of images; see DESIGN §4. Make one with `ingest`, open one with `Cohort.load`."""

    def __init__(self, path: Path, card: CohortCard, parts: Sequence[Path]) -> None:
        self._path, self._card, self._parts = path, card, list(parts)

    @classmethod
    def load(cls, path: Path) -> Cohort:
        """Open a cohort after checking its format, counts and content hash.

        The images' bytes are not read here; `images_of` checks the hash of those that it returns.

        Raises:
            CohortError: The cohort is missing, not finished, of another version, or was changed.
        """
        path = Path(path)
        card = _read_card(path / CARD)
        cohort = cls(path, card, list_parts(path / IMAGES))
        copied = [] if card.augmented is None else [field.name for field in COPY_FIELDS]
        table = cohort._read([*HASHED_COLUMNS, *copied])
        _check(path / IMAGES, "images", table.num_rows, card.images)
        if content_hash(table) != card.content_hash:
            raise CohortError(
                "the images' table is not the one that the cohort was made with", where=str(path), todo=_AGAIN
            )
        _check(path / REJECTS, "rejects", cohort.rejects().num_rows, card.rejected)
        return cohort

    @property
    def path(self) -> Path:
        """The cohort's folder."""
        return self._path

    @property
    def card(self) -> CohortCard:
        """The cohort in figures."""
        return self._card

    @property
    def classes(self) -> tuple[str, ...]:
        """One a target entry; a binary cohort has the positive class only."""
        return self._card.classes

    @property
    def task(self) -> Task:
        """`binary`, `multiclass` or `multilabel`."""
        return self._card.task

    @property
    def parts(self) -> list[Path]:
        """The Parquet files of the images' table, in order."""
        return list(self._parts)

    @property
    def schema(self) -> pa.Schema:
        """Of the images' table: `IMAGE_SCHEMA`, of an augmented cohort `AUGMENTED_SCHEMA`."""
        return IMAGE_SCHEMA if self._card.augmented is None else AUGMENTED_SCHEMA

    def table(
        self, columns: Sequence[str] | None = None, *, split: Split | None = None, copies: bool = True
    ) -> pa.Table:
        """The images' table in memory, in the order of the parts.

        Args:
            columns: Which; None for all but `content`, which may be larger than memory.
            split: Only the rows of this split.
            copies: Whether the copies of an augmented cohort are among the rows.

        Raises:
            CohortError: There is no such column, or a part cannot be read.
        """
        known = self.schema.names
        wanted = list(columns) if columns is not None else [name for name in known if name != "content"]
        unknown = sorted(set(wanted) - set(known))
        if unknown:
            raise CohortError(
                f"has no column {', '.join(map(repr, unknown))}",
                where=str(self._path),
                todo=f"it has {', '.join(known)}",
            )
        asked: dict[str, str | int] = {"split": split} if split is not None else {}
        if not copies and self._card.augmented is not None:
            asked[COPY] = 0
        return self._read(list(dict.fromkeys([*wanted, *asked])), asked).select(wanted)

    def rejects(self) -> pa.Table:
        """The inputs that could not be used: uri, reason, detail.

        Raises:
            CohortError: `rejects.parquet` is missing or damaged.
        """
        return _read_parquet(self._path / REJECTS, REJECT_SCHEMA.names)

    def duplicates(self) -> pa.Table:
        """Pairs of images that show the same: first, second, kind, similarity, how.

        Raises:
            CohortError: `duplicates.parquet` is missing or damaged.
        """
        return _read_parquet(self._path / DUPLICATES, DUPLICATE_SCHEMA.names)

    def measurements(self) -> pa.Table:
        """What was measured of each image, but for copies, when it was read, sorted by image_id.

        Returns:
            image_id, `pixel_sha256`, `fingerprint`, `file_bytes` and the fields of
            `overread.imaging.measure.MEASURE_FIELDS`.

        Raises:
            CohortError: `inputs.parquet` is missing, damaged, or of another cohort.
        """
        path = self._path / INPUTS
        try:
            return measurements(path, self.table(["image_id"], copies=False)["image_id"].to_pylist())
        except FileNotFoundError:
            raise CohortError("is missing", where=str(path), todo=_AGAIN) from None
        except (OSError, KeyError, pa.ArrowException) as error:
            raise _damaged(path) from error

    def images_of(self, ids: Iterable[str]) -> dict[str, bytes]:
        """The encoded files of some images, checked against their SHA-256.

        Args:
            ids: Image ids.

        Returns:
            id → bytes, in the order of `ids`.

        Raises:
            CohortError: An id is unknown, a file that the cohort points at is gone, or bytes were changed.
        """
        wanted = dict.fromkeys(ids)
        found = dict(self.each_image(wanted))
        return {one: found[one] for one in wanted}

    def each_image(self, ids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """The same one after the other, in the order of the parts; each is read once, and little is held.

        Args:
            ids: Image ids.

        Raises:
            CohortError: As `images_of`.
        """
        missing = dict.fromkeys(ids)
        for part in self._parts:
            if not missing:
                break
            for image_id, content in self._images_in(part, missing):
                missing.pop(image_id, None)
                yield image_id, content
        if missing:
            unknown = list(missing)
            raise CohortError(
                f"has no image {unknown[0]!r}" + (f" and {len(unknown) - 1} more" if unknown[1:] else ""),
                where=str(self._path),
                todo="ask for ids of this cohort's table",
            )

    def record_test_read(self, bundle: str, *, purpose: str = "evaluation") -> int:
        """Write down that the test split was read, and by what.

        Args:
            bundle: name@version of what was evaluated.
            purpose: Why.

        Returns:
            How often the test split of this cohort has been read, this time included.

        Raises:
            EngineError: The file cannot be written.
        """
        path = self._path / TEST_READS
        before = self.test_reads()
        line = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "bundle": bundle, "purpose": purpose}
        line["content_hash"] = self._card.content_hash
        try:
            torn = path.exists() and not path.read_bytes().endswith(b"\n")
            with path.open("ab") as handle:
                handle.write((("\n" if torn else "") + json.dumps(line) + "\n").encode())
                handle.flush()
                os.fsync(handle.fileno())
        except OSError as error:
            raise unwritable(path, error) from error
        return len(before) + 1

    def test_reads(self) -> list[dict[str, Any]]:
        """What `record_test_read` wrote for this content, oldest first; a torn line counts as a read."""
        path = self._path / TEST_READS
        if not path.exists():
            return []
        reads: list[dict[str, Any]] = []
        for line in path.read_text("utf-8", "replace").splitlines():
            try:
                said = json.loads(line)
            except ValueError:
                said = {}
            if (
                isinstance(said, dict)
                and said.get("content_hash", self._card.content_hash) == self._card.content_hash
            ):
                reads.append(said)
        return reads

    def _read(self, columns: list[str], asked: Mapping[str, str | int] | None = None) -> pa.Table:
        """Some columns of all rows, or of those that have the values that are asked for."""
        schema = pa.schema([self.schema.field(name) for name in columns])
        tables = []
        for part in self._parts:
            table = _read_parquet(part, columns)
            for name, value in (asked or {}).items():
                table = table.filter(pc.equal(table[name], value))
            tables.append(table.cast(schema))
        return pa.concat_tables(tables) if tables else schema.empty_table()

    def _images_in(self, part: Path, wanted: Mapping[str, None]) -> Iterator[tuple[str, bytes]]:
        try:
            with pq.ParquetFile(part, pre_buffer=False) as file:
                for group in range(file.num_row_groups):
                    ids = file.read_row_group(group, columns=["image_id"])["image_id"].to_pylist()
                    if wanted.keys().isdisjoint(ids):
                        continue
                    rows = file.read_row_group(group, columns=["image_id", "uri", "sha256", "content"])
                    rows = rows.filter(
                        pc.is_in(rows["image_id"], value_set=pa.array(list(wanted), pa.string()))
                    )
                    for row in rows.to_pylist():
                        yield row["image_id"], self._checked(row)
        except (OSError, pa.ArrowException) as error:
            raise _damaged(part) from error

    def _checked(self, row: dict[str, Any]) -> bytes:
        content: bytes | None = row["content"]
        where = f"image {row['image_id']!r}"
        if content is None:
            try:
                content = Path(row["uri"]).read_bytes()
            except OSError as error:
                raise CohortError(
                    f"the file {row['uri']!r} could not be read ({error.strerror})",
                    where=where,
                    todo="bring it back",
                ) from error
        if hashlib.sha256(content).hexdigest() != row["sha256"]:
            raise CohortError(
                "its bytes are not those that the cohort was made with", where=where, todo=_AGAIN
            )
        return content


def _read_card(path: Path) -> CohortCard:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise CohortError(
            f"there is no finished cohort here ({CARD} is missing)",
            where=str(path.parent),
            todo="run `overread ingest` to its end, or name the cohort's folder",
        ) from None
    except OSError as error:
        raise CohortError(f"could not be read: {error.strerror}", where=str(path), todo=_AGAIN) from error
    try:
        said = json.loads(content)
        version = said.get("schema_version") if isinstance(said, dict) else None
        if isinstance(version, int) and version != SCHEMA_VERSION:
            raise CohortError(
                f"expected schema version {SCHEMA_VERSION}, got {version}",
                where=str(path),
                todo="use the Overread that made it, or " + _AGAIN,
            )
        return CohortCard.model_validate(said)
    except ValidationError as error:
        first = error.errors()[0]
        what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except ValueError:
        what = "is no JSON"
    raise CohortError(what, where=str(path), todo=_AGAIN)


def _read_parquet(path: Path, columns: Sequence[str]) -> pa.Table:
    try:
        with pq.ParquetFile(path) as file:
            missing = sorted(set(columns) - set(file.schema_arrow.names))
            if missing:
                raise CohortError(f"lacks the column {missing[0]!r}", where=str(path), todo=_AGAIN)
            return file.read(columns=list(columns)).select(list(columns)).replace_schema_metadata(None)
    except FileNotFoundError:
        raise CohortError("is missing", where=str(path), todo=_AGAIN) from None
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> CohortError:
    return CohortError("is damaged and cannot be read as Parquet", where=str(path), todo=_AGAIN)


def _check(path: Path, what: str, came: int, said: int) -> None:
    if came != said:
        raise CohortError(f"expected {said} {what} as {CARD} says, got {came}", where=str(path), todo=_AGAIN)
