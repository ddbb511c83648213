"""Ground truth of ISIC's challenges: one column a class, and what other tables say of the same images."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from overread.cohort.tables import TextTable, peek_columns, read_table
from overread.errors import CohortError

CLASSES = frozenset({"MEL", "NV", "BCC", "AK", "AKIEC", "BKL", "DF", "VASC", "SCC", "UNK"})
_WEIGHTS = frozenset({"score_weight", "validation_weight"})
_IMAGE, _LABEL, _SPLIT = "image", "label", "split by table"
_FEWEST = 5
_SPLIT_WORDS = {"training": "train", "train": "train", "validation": "tune", "test": "test"}
_SERIES = re.compile(r"isic[_-]?(20\d\d)", re.IGNORECASE)
_GONE = "bring the table as it is given out"


def is_truth(columns: Collection[str]) -> bool:
    """Whether a header is that of ground truth with one column a class.

    Example:
        >>> is_truth(["image", "MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK"])
        True
        >>> is_truth(["image", "label", "NV"])
        False
    """
    rest = set(columns) - {_IMAGE}
    return _IMAGE in columns and len(rest & CLASSES) >= _FEWEST and rest <= CLASSES | _WEIGHTS


def join_truths(truths: Sequence[Path], beside: Sequence[Path]) -> tuple[TextTable, list[str]]:
    """One table of all ground truth, with a `label`, and the columns of other tables of the same images.

    Args:
        truths: Tables with one column a class, of one challenge; with several, their names say which split
            each is.
        beside: Other files that may be metadata or lesion groupings of the same challenge.

    Returns:
        The table, and what is noteworthy about it.

    Raises:
        CohortError: Tables are of several challenges or their names tell no split, a row marks no number or
            two classes, or tables contradict each other.
    """
    series = {_series(path) for path in truths}
    splits = [_split(path) for path in truths]
    if len(truths) > 1 and (len(series) > 1 or None in splits or len(set(splits)) < len(splits)):
        raise CohortError(
            f"several tables of ground truth were found: {', '.join(path.name for path in truths)}",
            where=f"folder '{truths[0].parent}'",
            todo="say which with table = ...",
        )
    rows: list[list[str]] = []
    for path, split in zip(truths, splits, strict=True):
        table = read_table(path)
        rows += [
            [image, label, split or ""]
            for image, label in zip(table.column(_IMAGE), _labels(table), strict=True)
        ]
    columns = [_IMAGE, _LABEL, _SPLIT]
    if len(truths) == 1:
        columns, rows = columns[:2], [row[:2] for row in rows]
    notes = []
    if len(truths) > 1:
        notes.append(f"the split is that of {', '.join(path.name for path in truths)}")
    more = [
        path
        for path in beside
        if path not in truths
        and _series(path) in series
        and (_split(path) is None or _split(path) in splits)
        and _describes(peek_columns(path))
    ]
    said, names = _read_more(more)
    names = [name for name in names if name not in columns]
    joined = tuple((*row, *(said.get(row[0], {}).get(name, "") for name in names)) for row in rows)
    if more:
        notes.append(f"joined with {', '.join(path.name for path in more)}")
    return TextTable(truths[0], (*columns, *names), joined), notes


def _labels(table: TextTable) -> list[str]:
    """The class that each row marks with 1; "" where it marks none."""
    codes = [name for name in table.columns if name in CLASSES]
    places = [table.columns.index(code) for code in codes]
    labels = []
    for at, row in enumerate(table.rows, 1):
        try:
            marked = [
                code for code, place in zip(codes, places, strict=True) if float(row[place] or 0) >= 0.5
            ]
        except ValueError as error:
            raise CohortError(
                "expected 0 or 1 in the columns of classes, got a word",
                where=f"table '{table.path}', row {at}",
                todo=_GONE,
            ) from error
        if len(marked) > 1:
            raise CohortError(
                f"expected one class, got {' and '.join(marked)}",
                where=f"table '{table.path}', row {at}",
                todo=_GONE,
            )
        labels.append(marked[0] if marked else "")
    return labels


def _read_more(paths: Sequence[Path]) -> tuple[Mapping[str, dict[str, str]], list[str]]:
    """Image → column → cell of all tables together; and their columns.

    Raises:
        CohortError: Two tables say different things in the same column of the same image.
    """
    said: dict[str, dict[str, str]] = {}
    names: list[str] = []
    for path in paths:
        table = read_table(path)
        images = table.column(_IMAGE)
        for name in table.columns:
            if not name or name == _IMAGE:
                continue
            if name not in names:
                names.append(name)
            for image, cell in zip(images, table.column(name), strict=True):
                before = said.setdefault(image, {}).get(name, "")
                if before and cell and before != cell:
                    raise CohortError(
                        f"says something else in the column {name!r} than the table beside it",
                        where=f"table '{path}'",
                        todo="leave one of them out",
                    )
                said[image][name] = before or cell
    return said, names


def _describes(columns: Collection[str]) -> bool:
    known = {"age_approx", "sex", "anatom_site_general", "lesion_id", "diagnosis_confirm_type"}
    return _IMAGE in columns and bool(known & set(columns))


def _series(path: Path) -> str | None:
    match = _SERIES.search(path.name)
    return match[1] if match is not None else None


def _split(path: Path) -> str | None:
    words = re.split(r"[^a-z]+", path.name.lower())
    return next((_SPLIT_WORDS[word] for word in words if word in _SPLIT_WORDS), None)
