"""The file that a cell of a table means."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from overread.cohort.candidates import readable, without_suffix
from overread.cohort.listing import LISTED_SUFFIXES


class FileIndex:
    """Finds the file that a table's cell means: with or without folder and suffix.

    Args:
        files: Paths below the source.
        source: The folder; cells may hold absolute paths into it.
    """

    def __init__(self, files: Sequence[str], *, source: Path) -> None:
        self._source = str(source.absolute())
        self._by_name: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self._by_stem: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for file in files:
            path = unicodedata.normalize("NFC", readable(file))
            name = path.rpartition("/")[2]
            self._by_name[name].append((path, file))
            self._by_stem[without_suffix(name)].append((without_suffix(path), file))

    def find(self, cell: str) -> list[str]:
        """The files that a cell can mean: one in the best case; the exact path is preferred to a likeness."""
        said = unicodedata.normalize("NFC", cell.strip().replace("\\", "/"))
        if said.startswith(self._source + "/"):
            said = said[len(self._source) + 1 :]
        said = said.removeprefix("./")
        name = said.rpartition("/")[2]
        # A bare id may hold dots: only a known ending is taken for a suffix.
        known = "." + name.rpartition(".")[2].lower() in LISTED_SUFFIXES
        stem = without_suffix(said) if known else said
        for wanted, near in (
            (said, self._by_name.get(name, ())),
            (said, self._by_stem.get(name, ())),
            (stem, self._by_stem.get(stem.rpartition("/")[2], ())),
        ):
            exact = [file for path, file in near if path == wanted]
            alike = [file for path, file in near if _ends(path, wanted) or _ends(wanted, path)]
            if exact or alike:
                return sorted(exact or alike)
        return []


def _ends(path: str, end: str) -> bool:
    return bool(end) and path.endswith("/" + end)
