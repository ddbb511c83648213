"""Which column says what of an image, and what its cells mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import get_args

from overread.cohort.listing import SPLIT_NAMES
from overread.cohort.schema import Split
from overread.cohort.settings import Role
from overread.errors import CohortError

USUAL_NAMES: dict[Role, tuple[str, ...]] = {
    "image": (
        *(
            "image",
            "image_id",
            "isic_id",
            "image_name",
            "image_file",
            "image_path",
            "image_index",
            "image_filename",
        ),
        *("filename", "file_name", "file", "filepath", "file_path", "path", "img", "uri"),
    ),
    "label": (
        *("label", "labels", "diagnosis", "dx", "target", "class", "benign_malignant", "finding_labels"),
        *("finding", "findings", "category"),
    ),
    "patient": ("patient_id", "patient", "patientid", "subject_id", "subject"),
    "group": ("group_id", "lesion_id", "lesion", "study_id", "group"),
    "split": ("split", "subset", "partition"),
    "age": ("age", "patient_age", "age_approx", "age_years"),
    "sex": ("sex", "gender", "patient_sex", "patient_gender"),
    "site": (
        "site",
        "localization",
        "localisation",
        "anatom_site_general",
        "anatom_site",
        "body_site",
        "location",
    ),
    "view": ("view", "view_position"),
    "device": ("device", "camera", "scanner"),
    "source": (
        *("source", "data_source", "dataset", "isic_dataset", "hospital", "institution"),
        *("collection", "database"),
    ),
    "date": ("study_date", "acquisition_date", "exam_date", "date"),
}
"""Names by which a role's column is found, in order of preference; case, spaces and hyphens do not matter."""

_ROLES: tuple[Role, ...] = get_args(Role)
_UNSTATED = frozenset({"", "?", "-", "na", "n/a", "nan", "none", "null", "unknown", "not stated"})
_NO_LABEL = frozenset({"", "na", "n/a", "nan", "null"})
_SEXES = {"f": "F", "female": "F", "woman": "F", "w": "F", "m": "M", "male": "M", "man": "M"}
_AGE = re.compile(r"0*(\d{1,3}(?:[.,]\d+)?)\s*([YMWD]?)", re.IGNORECASE)
_PER_YEAR = {"": 1.0, "Y": 1.0, "M": 12.0, "W": 52.18, "D": 365.25}
_OLDEST = 125.0
_MOST_SOURCES = 10


def find_columns(columns: Sequence[str], said: Mapping[Role, str], *, where: str) -> dict[Role, str]:
    """Role → column: what the user said, else the first of the usual names that the table has.

    Args:
        columns: Names in the table.
        said: Role → column from the settings; "" for "there is none".
        where: What a message calls the table.

    Raises:
        CohortError: A column that was named is not there.
    """
    by_name = {_plain(name): name for name in reversed(columns) if name}
    found: dict[Role, str] = {}
    for role in _ROLES:
        if role in said:
            name = said[role]
            if name and name not in columns:
                raise CohortError(
                    f"has no column {name!r} for the {role}",
                    where=where,
                    todo=f"it has {', '.join(filter(None, columns))}",
                )
            if name:
                found[role] = name
            continue
        usual = [by_name[name] for name in USUAL_NAMES[role] if name in by_name]
        free = [name for name in usual if name not in said.values()]
        if free:
            found[role] = free[0]
    return found


def is_stated(cell: str) -> bool:
    """Whether a cell says something: not empty, "unknown", "NA" or the like. A 0 does."""
    return cell.strip().lower() not in _UNSTATED


def parse_label(cell: str) -> str | None:
    """The label, or None where there is none."""
    return None if cell.strip().lower() in _NO_LABEL else cell.strip()


def parse_text(cell: str) -> str | None:
    """A text, or None where nothing is stated."""
    return cell.strip() if is_stated(cell) else None


def parse_age(cell: str) -> float | None:
    """Years; None where nothing is stated or nobody is that old.

    Reads "80", "80.0", "80,5" and DICOM's age strings (PS3.5 §6.2: "058Y", "006M").

    Example:
        >>> [parse_age(cell) for cell in ("80.0", "0", "058Y", "006M", "unknown", "411")]
        [80.0, 0.0, 58.0, 0.5, None, None]
    """
    match = _AGE.fullmatch(cell.strip())
    if match is None:
        return None
    years = float(match[1].replace(",", ".")) / _PER_YEAR[match[2].upper()]
    return years if years <= _OLDEST else None


def parse_sex(cell: str) -> str | None:
    """F, M or None."""
    return _SEXES.get(cell.strip().lower())


def parse_split(cell: str) -> Split | None:
    """The split that a cell names, also by its other names; None where it names none."""
    return SPLIT_NAMES.get(cell.strip().lower())


def doubt_source(cells: Sequence[str]) -> str | None:
    """Why a column with a usual name for the source is none; None where it may be one.

    A `source` may as well be the address that each image was taken from, and a `dataset` its split.
    """
    stated = [cell for cell in cells if is_stated(cell)]
    distinct = set(stated)
    if distinct and all(parse_split(cell) for cell in distinct):
        return "it names splits"
    if any("://" in cell or ("/" in cell.strip("/") and len(distinct) > _MOST_SOURCES) for cell in distinct):
        return "it holds addresses"
    if len(distinct) > _MOST_SOURCES and len(distinct) > len(stated) / 2:
        return "most of its cells differ"
    return None


def _plain(name: str) -> str:
    return re.sub(r"[\s\-.]+", "_", name.strip().lower())
