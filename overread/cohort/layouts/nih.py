"""NIH ChestX-ray14: the table of findings, lists that give the split, and images where they are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from overread.cohort.candidates import Listing
from overread.cohort.labels import split_label
from overread.cohort.layouts.layout import files_in, list_table, named_table, source_root
from overread.cohort.schema import Split
from overread.cohort.settings import IngestSettings, Role
from overread.cohort.table_layout import Images
from overread.cohort.tables import TextTable, is_table, peek_columns, read_lines, read_table, table_stem
from overread.errors import CohortError

FINDINGS = (
    *("Atelectasis", "Cardiomegaly", "Effusion", "Infiltration", "Mass", "Nodule", "Pneumonia"),
    *("Pneumothorax", "Consolidation", "Edema", "Emphysema", "Fibrosis", "Pleural_Thickening", "Hernia"),
)
"""In the order in which the lists of CheXNet give them."""

_COLUMNS = {"Image Index", "Finding Labels", "Patient ID"}
_ROLES: dict[Role, str] = {
    "image": "Image Index",
    "label": "Finding Labels",
    "patient": "Patient ID",
    "age": "Patient Age",
    "sex": "Patient Gender",
    "view": "View Position",
}
_LISTS: dict[str, Split] = {
    "train_val_list": "train",  # official; Overread carves tune out of it
    "train_list": "train",
    "val_list": "tune",
    "test_list": "test",
}
_SPLIT = "split by list"


class NihLayout:
    """NIH ChestX-ray14 (Wang et al., CVPR 2017): 112,120 images of 30,805 patients, 14 findings.

    Labels come from the table, of which the revision of 2020 is preferred: that of 2017 has ages up to 413.
    The split comes from the lists: `train_val_list.txt` and `test_list.txt` (official), or `train_list.txt`,
    `val_list.txt` and `test_list.txt` (CheXNet, with 14 labels behind each name), also packed (`.gz`).
    """

    name = "nih"
    title = "NIH ChestX-ray14: Data_Entry_2017, split lists and images"

    def fits(self, source: Path) -> bool:
        """Whether there is a table with the columns of Data_Entry_2017."""
        return bool(_tables(source))

    def list(
        self, source: Path, *, settings: IngestSettings, exclude: Path | None, images: Images
    ) -> Listing:
        """See `overread.cohort.layouts.Layout`."""
        path = named_table(source, settings) or _newest(_tables(source), source)
        table = read_table(path)
        usual, notes = dict(_ROLES), list[str]()
        if "split" not in settings.columns and _ROLES["image"] in table.columns:
            lists = _read_lists(source_root(source))
            if lists.sides:
                table, notes = _with_split(table, lists)
                usual["split"] = _SPLIT
        listing = list_table(table, source, usual=usual, settings=settings, exclude=exclude, images=images)
        return replace(listing, task="multilabel", notes=(*notes, *listing.notes))


@dataclass(frozen=True)
class _Lists:
    """What the lists say: image → split, image → findings where they stand there; and the lists' names."""

    sides: Mapping[str, Split]
    findings: Mapping[str, frozenset[str]]
    names: tuple[str, ...]


def _tables(source: Path) -> list[Path]:
    return [path for path in files_in(source) if is_table(path) and set(peek_columns(path)) >= _COLUMNS]


def _newest(tables: Sequence[Path], source: Path) -> Path:
    official = [path for path in tables if table_stem(path).lower().startswith("data_entry_2017")]
    revised = [path for path in official if "2020" in path.name]
    for among in (revised, official, tables):
        if len(among) == 1:
            return among[0]
    names = ", ".join(path.name for path in tables)
    raise CohortError(
        f"several tables of findings were found: {names}" if tables else "no table Data_Entry_2017 was found",
        where=f"source '{source}'",
        todo="say which with table = ...",
    )


def _read_lists(root: Path) -> _Lists:
    """Read all lists beside the table.

    Raises:
        CohortError: A list is damaged, or two contradict each other.
    """
    sides: dict[str, Split] = {}
    findings: dict[str, frozenset[str]] = {}
    found = {
        table_stem(path).lower(): path
        for path in files_in(root)
        if table_stem(path).lower() in _LISTS and is_table(path)
    }
    # The official list names train and tune together: lists that tell them apart go before it.
    for stem in (stem for stem in _LISTS if stem in found):
        side = _LISTS[stem]
        for at, line in enumerate(read_lines(found[stem]), 1):
            name, *flags = line.split()
            before = sides.get(name, side)
            if before != side and not (before == "train" and side == "tune" and "train_val_list" in found):
                raise CohortError(
                    f"line {at}: names an image that another list gives to {before}",
                    where=f"list '{found[stem]}'",
                    todo="leave one of the lists out",
                )
            sides[name] = side
            if len(flags) == len(FINDINGS) and set(flags) <= {"0", "1"}:
                findings[name] = frozenset(
                    finding for finding, flag in zip(FINDINGS, flags, strict=True) if flag == "1"
                )
            elif flags:
                raise CohortError(
                    f"line {at}: expected an image's name, or one and 14 labels, got {len(flags) + 1} words",
                    where=f"list '{found[stem]}'",
                    todo="bring the list as it is given out",
                )
    return _Lists(sides, findings, tuple(found[stem].name for stem in _LISTS if stem in found))


def _with_split(table: TextTable, lists: _Lists) -> tuple[TextTable, list[str]]:
    """The table with a column for the split, and what is noteworthy about it."""
    names = table.column(_ROLES["image"])
    rest = "" if "train" in lists.sides.values() else "train"
    splits = [lists.sides.get(name, rest) for name in names]
    notes = [f"the split is that of {', '.join(lists.names)}"]
    if rest and rest in splits:
        notes.append(f"{splits.count(rest)} images that no list names are taken for train")
    if _ROLES["label"] in table.columns:
        labels = zip(names, table.column(_ROLES["label"]), strict=True)
        said = {label: frozenset(split_label(label)) & frozenset(FINDINGS) for _, label in set(labels)}
        pairs = zip(names, table.column(_ROLES["label"]), strict=True)
        other = sum(lists.findings.get(name, said[label]) != said[label] for name, label in pairs)
        if other:
            notes.append(
                f"{other} images have other findings in the lists than in the table, which is followed"
            )
    rows = tuple((*row, split) for row, split in zip(table.rows, splits, strict=True))
    return TextTable(table.path, (*table.columns, _SPLIT), rows), notes
