"""ISIC: the archive's export, and the challenges of 2018 (task 3), 2019 and 2020."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from overread.cohort.candidates import Listing
from overread.cohort.columns import is_stated
from overread.cohort.layouts.isic_truth import is_truth, join_truths
from overread.cohort.layouts.layout import files_in, list_table, named_table
from overread.cohort.settings import IngestSettings, Role
from overread.cohort.table_layout import Images
from overread.cohort.tables import TextTable, is_table, peek_columns, read_table
from overread.errors import CohortError

_BELOW = "groundtruth|ground_truth|metadata|grouping"
_LABELS = ("benign_malignant", "diagnosis", "dx", "diagnosis_1", "target")
_COLUMNS: dict[Role, tuple[str, ...]] = {
    "image": ("isic_id", "image_name", "image_id", "image"),
    "label": ("label", *_LABELS),
    "patient": ("patient_id",),
    "group": ("lesion_id",),
    "split": ("split by table",),
    "age": ("age_approx", "age"),
    "sex": ("sex",),
    "site": ("anatom_site_general", "anatom_site_general_challenge", "localization"),
    "view": ("image_type",),
    "source": ("attribution", "dataset"),
}
_ONLY_2020 = {"benign_malignant", "anatom_site_general_challenge"}
_TRUTH_2018 = {"image_id", "dx", "lesion_id"}


class IsicLayout:
    """Tables of the International Skin Imaging Collaboration, images anywhere below them.

    An export of the archive (`isic_id`, with `benign_malignant`, `diagnosis` or `diagnosis_1` to
    `diagnosis_5`); ground truth with one column a class (2018, 2019), joined with metadata and lesion
    groupings beside it, and split by Training, Validation and Test in the tables' names; the table of 2020
    (`image_name`, `target`).
    """

    name = "isic"
    title = "ISIC: archive export, challenges of 2018, 2019 and 2020"

    def fits(self, source: Path) -> bool:
        """Whether there is a table with the archive's or the challenges' columns."""
        return bool(_tables(source))

    def list(
        self, source: Path, *, settings: IngestSettings, exclude: Path | None, images: Images
    ) -> Listing:
        """See `overread.cohort.layouts.Layout`."""
        named = named_table(source, settings)
        tables = [named] if named is not None else _tables(source)
        truths = [path for path in tables if is_truth(peek_columns(path))]
        others = [path for path in tables if path not in truths]
        if truths and others:
            # Of the challenge's own tables the one that says more than a class is taken, unless told.
            others = [path for path in others if "groundtruth" not in path.name.lower().replace("_", "")]
        if truths and not others:
            folder = source if source.is_dir() else source.parent
            table, notes = join_truths(truths, tuple(_beside(folder)))
        else:
            table, notes = read_table(_only(truths + others, source)), []
        usual = {role: found for role in _COLUMNS if (found := _first(table, role)) is not None}
        label = settings.columns.get("label", usual.get("label"))
        if label in _LABELS and len(said := [name for name in _LABELS if name in table.columns]) > 1:
            notes.append(
                f"labels are those of the column {label!r}; for another set columns.label to one of "
                f"{', '.join(name for name in said if name != label)}"
            )
        listing = list_table(table, source, usual=usual, settings=settings, exclude=exclude, images=images)
        return replace(listing, notes=(*notes, *listing.notes))


def _beside(folder: Path) -> list[Path]:
    return [path for path in files_in(folder, below=_BELOW) if is_table(path)]


def _tables(source: Path) -> list[Path]:
    """Tables that have labels and ISIC's columns."""
    found = []
    for path in files_in(source, below=_BELOW):
        if not is_table(path):
            continue
        columns = set(peek_columns(path))
        of_2020 = "image_name" in columns and bool(columns & _ONLY_2020)
        by_id = ("isic_id" in columns or of_2020) and bool(columns & set(_LABELS))
        in_2018 = columns >= _TRUTH_2018 and path.name.lower().startswith("isic")
        if by_id or in_2018 or is_truth(columns):
            found.append(path)
    return found


def _only(tables: list[Path], source: Path) -> Path:
    """The one table, or the one that has all columns of every other and more (2020 came twice)."""
    if len(tables) == 1:
        return tables[0]
    columns = {path: set(peek_columns(path)) for path in tables}
    widest = [path for path in tables if all(columns[path] > columns[two] for two in tables if two != path)]
    if len(widest) == 1:
        return widest[0]
    names = ", ".join(path.name for path in tables)
    raise CohortError(
        f"several tables of ISIC were found: {names}" if tables else "no table of ISIC was found",
        where=f"source '{source}'",
        todo="say which with table = ...",
    )


def _first(table: TextTable, role: Role) -> str | None:
    """The role's column; of labels and places the first that says anything."""
    there = [name for name in _COLUMNS[role] if name in table.columns]
    telling = (name for name in there if any(is_stated(cell) for cell in table.column(name)))
    return next(telling, there[0] if there else None)
