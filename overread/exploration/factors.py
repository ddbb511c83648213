"""What is known of an image beside what it shows: the factors by which a reader could cheat.

A factor is a few columns of numbers or categories. Neither the label, nor the folder that an image lay in
(which may be the class itself), nor anything computed from them is ever a factor.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from overread.exploration.subject import Subject

FactorName = Literal[
    "image-size",
    "aspect",
    "file-size",
    "jpeg-quality",
    "border",
    "exposure",
    "source",
    "device",
    "view",
    "site",
    "file-name",
    "missing-metadata",
    "image",
    "age",
    "sex",
    "metadata",
]
Family = Literal["image", "metadata"]

NOT_STATED = "not stated"
_METADATA: tuple[FactorName, ...] = ("age", "sex", "metadata")
_TITLES: dict[FactorName, str] = {
    "image-size": "the image's size",
    "aspect": "the image's shape",
    "file-size": "the file's size",
    "jpeg-quality": "the file's compression",
    "border": "the image's border",
    "exposure": "exposure and colour",
    "source": "the source",
    "device": "the device",
    "view": "the view",
    "site": "the site",
    "file-name": "how the file is named",
    "missing-metadata": "which metadata are stated",
    "image": "all factors of image and file together",
    "age": "age",
    "sex": "sex",
    "metadata": "age and sex together",
}
_INFERRED = "the source, as file names and missing metadata tell it,"
_COMPRESSION = {"jpeg_quality": "have JPEG quality {}", "jpeg_step": "are quantised in steps of {}"}
_BORDER = {
    "border_spread": "have a border that varies by {} grey levels",
    "border_red": "have a border with red {}",
    "border_green": "have a border with green {}",
    "border_blue": "have a border with blue {}",
}
_EXPOSURE = {
    "brightness_mean": "have a mean brightness of {}",
    "brightness_spread": "have a brightness that varies by {} grey levels",
    "dark_share": "have a share of nearly black pixels of {}",
    "bright_share": "have a share of nearly white pixels of {}",
    "colourfulness": "have a colourfulness of {}",
}
_IDENTIFIER = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<![0-9a-z])(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{8,}",
    re.I,
)
_RUNS = re.compile(r"(?P<digits>\d+)|(?P<letters>[^\W\d_]+)")


@dataclass(frozen=True)
class Column:
    """One thing that is known of every image.

    Attributes:
        what: In plain words: "width".
        values: float64 [n], NaN where it is not known; codes of `levels` for a category, which has no NaN.
        levels: The categories in the order of their codes; empty for a number.
        told: How a sentence goes on after "images", with "{}" for a level, a number or "over" a number:
            "are {} pixels wide".
    """

    what: str
    values: NDArray[np.float64]
    levels: tuple[str, ...] = ()
    told: str = "have {}"

    @property
    def constant(self) -> bool:
        """Whether it cannot tell any image from another."""
        first = self.values[:1]
        return bool(np.array_equal(self.values, np.repeat(first, self.values.size), equal_nan=True))

    def of(self, rows: NDArray[np.int64]) -> Column:
        """The same of some images only."""
        return replace(self, values=self.values[rows])


@dataclass(frozen=True)
class Factor:
    """One way in which images differ beside what they show.

    Attributes:
        name: For programs.
        title: For people: "the image's size".
        family: What the image and its file give away, or what the patient's metadata do.
        columns: At least one, none of them constant.
        stated: bool [n]: the images that it is asked about. Age and sex are asked where they are stated:
            that they are missing says nothing about age, and "missing-metadata" asks about it.
    """

    name: FactorName
    title: str
    family: Family
    columns: tuple[Column, ...]
    stated: NDArray[np.bool_]


def find_factors(subject: Subject, rows: pa.Table | None = None) -> tuple[Factor, ...]:
    """The factors that a subject knows of, in the order of `FactorName`.

    One that is the same for every image is left out: it carries no information, and its AUC is 0.5.

    Args:
        subject: A cohort, or a table without images.
        rows: The rows of `subject.table` that are meant, in the order that the columns shall have; all
            of them unless given.
    """
    table = subject.table if rows is None else rows
    found: dict[FactorName, Factor] = {}
    for name, columns in _columns(subject, table).items():
        kept = tuple(column for column in columns if not column.constant)
        stated = _stated(kept) if name in _METADATA else np.ones(table.num_rows, np.bool_)
        if kept and _varies(kept, stated):
            found[name] = Factor(name, _TITLES[name], _family(name), kept, stated)
    _join(found, "image", [name for name in found if _family(name) == "image"])
    _infer_source(found)
    _join(found, "metadata", [name for name in ("age", "sex") if name in found])
    return tuple(found[name] for name in get_args(FactorName) if name in found)


def name_pattern(uri: str) -> str:
    """How a file is named: runs of digits as 9, of letters as a, an identifier as #; the ending stays.

    Example:
        >>> name_pattern("covid/IMG_0012-b.JPG"), name_pattern("5436e3acbae478396759f0d1-UDA-1.jpeg")
        ('a_9-a.jpg', '#-a-9.jpeg')
    """
    path = PurePosixPath(uri.replace("\\", "/"))
    # A ".9" or ".main" in a name is no ending.
    ending = path.suffix.lower() if re.fullmatch(r"\.(?=\w*[a-z])\w{2,5}", path.suffix.lower()) else ""
    stem = path.name[: len(path.name) - len(ending)]
    parts = ("#" if at % 2 else _RUNS.sub(_run, part) for at, part in enumerate(_split(stem)))
    return "".join(parts) + ending


def _run(match: re.Match[str]) -> str:
    return "9" if match["digits"] else "a"


def _split(stem: str) -> list[str]:
    """Text and identifiers in turn, beginning with text (maybe empty)."""
    parts, at = [], 0
    for match in _IDENTIFIER.finditer(stem):
        parts += [stem[at : match.start()], match.group()]
        at = match.end()
    return [*parts, stem[at:]]


def _family(name: FactorName) -> Family:
    return "metadata" if name in _METADATA else "image"


def _columns(subject: Subject, table: pa.Table) -> dict[FactorName, list[Column]]:
    """Every factor's columns, constant ones among them."""
    measures = _aligned(subject.measurements, table["image_id"])
    width, height = _numbers(table, "width"), _numbers(table, "height")
    size = _numbers(measures, "file_bytes")
    patients = table["patient_id"].to_pylist() if subject.card.patient_known else [None] * table.num_rows
    ids = table["image_id"].to_pylist()
    known = {name: _texts(table, name) for name in ("sex", "site", "view", "device", "source")}
    stated: dict[str, Iterable[bool]] = {
        "age": ~np.isnan(_numbers(table, "age")),
        **{name: (value is not None for value in known[name]) for name in ("sex", "site", "view", "device")},
        "patient": (
            patient is not None and patient != image for patient, image in zip(patients, ids, strict=True)
        ),
    }
    columns: dict[FactorName, list[Column]] = {
        "image-size": [
            _category("size", _sizes(width, height), told="are of {} pixels"),
            Column("width", width, told="are {} pixels wide"),
            Column("height", height, told="are {} pixels high"),
        ],
        "aspect": [Column("shape", _over(width, height), told="are {} times as wide as high")],
        "file-size": [
            Column("file size", size, told="have files of {} bytes"),
            Column("bytes a pixel", _over(size, width * height), told="take {} bytes a pixel"),
        ],
        "jpeg-quality": [
            _category("format", _texts(table, "media_type"), told="are {}"),
            *_measured(measures, _COMPRESSION),
        ],
        "border": _border(_measured(measures, _BORDER)),
        "exposure": [
            *_measured(measures, _EXPOSURE),
            _category("grey", map(_grey, _texts(measures, "grey")), told="are {}"),
        ],
        "source": [_category("source", known["source"], told="come from {}")],
        "device": [_category("device", known["device"], told="are from device {}")],
        "view": [_category("view", known["view"], told="have the view {}")],
        "site": [_category("site", known["site"], told="have the site {}")],
        "file-name": [_category("name", map(name_pattern, _names(table)), told="are named like '{}'")],
        "missing-metadata": [
            _category(f"{name} stated", _yes(flags, name), told="have {}") for name, flags in stated.items()
        ],
        "age": [Column("age", _numbers(table, "age"), told="are of patients aged {}")],
        "sex": [_category("sex", known["sex"], told="are of sex {}")],
    }
    return columns


def _join(found: dict[FactorName, Factor], name: FactorName, parts: Sequence[FactorName]) -> None:
    """Add the factor of several together, where there are several."""
    if len(parts) > 1:
        columns = tuple(column for part in parts for column in found[part].columns)
        stated = np.logical_and.reduce([found[part].stated for part in parts])
        found[name] = Factor(name, _TITLES[name], _family(name), columns, stated)


def _infer_source(found: dict[FactorName, Factor]) -> None:
    """Where no source is stated, file names and gaps in the metadata tell it: collections differ in both."""
    traces = [found[name] for name in ("file-name", "missing-metadata") if name in found]
    if "source" in found or not traces:
        return
    columns = tuple(column for trace in traces for column in trace.columns)
    found["source"] = Factor("source", _INFERRED, _family("source"), columns, traces[0].stated)


def _stated(columns: Sequence[Column]) -> NDArray[np.bool_]:
    """Where every column is known: bool [n]."""
    missing = [
        column.values == column.levels.index(NOT_STATED)
        if NOT_STATED in column.levels
        else np.isnan(column.values)
        for column in columns
    ]
    return ~np.logical_or.reduce(missing) if missing else np.ones(0, np.bool_)


def _varies(columns: Sequence[Column], rows: NDArray[np.bool_]) -> bool:
    return any(not Column("", column.values[rows]).constant for column in columns)


def _aligned(measurements: pa.Table | None, ids: pa.ChunkedArray) -> pa.Table:
    """Measurements in the order of `ids`, null where an image has none."""
    if measurements is None:
        return pa.table({"image_id": ids})
    return measurements.take(pc.index_in(ids, value_set=measurements["image_id"]))


def _numbers(table: pa.Table, name: str) -> NDArray[np.float64]:
    """A column as float64 [n], NaN where it is null or not there."""
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    return np.asarray(table[name].cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)


def _measured(measures: pa.Table, told: Mapping[str, str]) -> list[Column]:
    return [
        Column(name.replace("_", " "), _numbers(measures, name), told=words) for name, words in told.items()
    ]


def _border(columns: list[Column]) -> list[Column]:
    """One brightness instead of three colours where all borders are grey."""
    spread, red, green, blue = columns
    if all(np.array_equal(red.values, one.values, equal_nan=True) for one in (green, blue)):
        return [spread, replace(red, what="brightness of the border", told="have a border of brightness {}")]
    return columns


def _texts(table: pa.Table, name: str) -> list[str | None]:
    if name not in table.column_names:
        return [None] * table.num_rows
    return [None if value is None else str(value) for value in table[name].to_pylist()]


def _names(table: pa.Table) -> list[str]:
    ids = table["image_id"].to_pylist()
    return [uri or one for uri, one in zip(_texts(table, "uri"), ids, strict=True)]


def _category(what: str, values: Iterable[str | None], *, told: str) -> Column:
    words = np.array([NOT_STATED if value is None else value for value in values], dtype=np.str_)
    levels, codes = np.unique(words, return_inverse=True)
    return Column(what, codes.astype(np.float64), tuple(map(str, levels)), told)


def _sizes(width: NDArray[np.float64], height: NDArray[np.float64]) -> list[str | None]:
    return [
        None if np.isnan(wide + high) else f"{wide:.0f} × {high:.0f}"
        for wide, high in zip(width, height, strict=True)
    ]


def _over(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    out = np.full(part.shape, np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out


def _yes(flags: Iterable[bool], name: str) -> list[str | None]:
    return [f"{name} stated" if flag else f"no {name} stated" for flag in flags]


def _grey(value: str | None) -> str | None:
    return {None: None, "True": "grey", "False": "in colour"}[value]
