"""One input of an ingest, before it is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from overread.cohort.schema import Split, Task
from overread.cohort.settings import Role
from overread.errors import RejectReason
from overread.progress import Progress


@dataclass(frozen=True)
class Candidate:
    """An input: what the source says of it, and why it cannot be used where that is clear already.

    Attributes:
        uri: How the input is named to people: its path below the source, readable whatever its bytes.
        file: Its path below the source as the system spells it (undecodable bytes as surrogates); None where
            there is no file.
        label: The source's word for its class.
        patient, group: Identities; None where the source has none.
        split: Where the source puts it; None where the source does not say.
        age: Years.
        sex: F, M or None.
        site, view, device: Text.
        source: The hospital or collection that it came from.
        date: When it was taken: yyyy-mm-dd, yyyy-mm or yyyy.
        reason, detail: Why it is rejected unread.
        rule: What the flow diagram calls the step that rejected it: "age not stated"; None for the reason's
            own words.
    """

    uri: str
    file: str | None = None
    label: str | None = None
    patient: str | None = None
    group: str | None = None
    split: Split | None = None
    age: float | None = None
    sex: str | None = None
    site: str | None = None
    view: str | None = None
    device: str | None = None
    source: str | None = None
    date: str | None = None
    reason: RejectReason | None = None
    detail: str | None = None
    rule: str | None = None


@dataclass(frozen=True)
class Listing:
    """All inputs of a source.

    Attributes:
        candidates: Sorted by uri.
        ignored: Files that do not look like images.
        repeated: Table rows that say again what an earlier row said.
        notes: Sentences for the user.
        columns: Role → column of the table, as found; empty where there is no table.
        unpack: Writes each candidate's `file` below a folder, for sources that hold many images in one file;
            what stands there already is not written again. None where the files lie in the source.
        task: What the layout knows to be asked; None: the labels tell.
        depends: Files below the source whose change makes the listing stale, beside the candidates' own.
    """

    candidates: tuple[Candidate, ...]
    ignored: int
    repeated: int = 0
    notes: tuple[str, ...] = field(default=())
    columns: Mapping[Role, str] = field(default_factory=dict)
    unpack: Callable[[Path, Progress], None] | None = None
    task: Task | None = None
    depends: tuple[str, ...] = ()


def readable(path: str) -> str:
    """A path as valid Unicode: bytes that are no UTF-8 become backslash escapes.

    Example:
        >>> readable("caf\\udce9.jpg")
        'caf\\\\xe9.jpg'
    """
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def image_ids(files: Sequence[str]) -> list[str]:
    """An id for each file: its path without the suffix, or with it where files differ in nothing else.

    Args:
        files: Distinct paths below the source.

    Returns:
        Distinct ids in the order of `files`; they do not depend on that order.

    Example:
        >>> image_ids(["benign/1.jpg", "malignant/1.jpg", "benign/2.jpg", "benign/2.png"])
        ['benign/1', 'malignant/1', 'benign/2.jpg', 'benign/2.png']
    """
    names = {file: readable(file) for file in files}
    stems = {file: without_suffix(name) for file, name in names.items()}
    # A name with its suffix can be another file's name without one; escapes can make two names equal.
    shared = Counter(stems.values()) + Counter(names.values())
    chosen: dict[str, str] = {}
    taken: set[str] = set()
    for file in sorted(files):
        alone = shared[stems[file]] == 1 or (shared[stems[file]] == 2 and stems[file] == names[file])
        wanted = stems[file] if alone else names[file]
        unique, number = wanted, 2
        while unique in taken:
            unique, number = f"{wanted}~{number}", number + 1
        taken.add(unique)
        chosen[file] = unique
    return [chosen[file] for file in files]


def without_suffix(path: str) -> str:
    """A path without its last suffix; a name that begins with its only dot has none.

    Example:
        >>> without_suffix("a.b/c.tar.gz"), without_suffix("a.b/c"), without_suffix("a/.c")
        ('a.b/c.tar', 'a.b/c', 'a/.c')
    """
    folder, slash, name = path.rpartition("/")
    stem, dot, _ = name.rpartition(".")
    return folder + slash + (stem if dot and stem else name)
