"""From the source's words to a task, its classes, and one target an image."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from overread.cohort.schema import Task
from overread.cohort.settings import IngestSettings
from overread.errors import CohortError

LIKELY_POSITIVE = frozenset(
    {
        *("malignant", "melanoma", "mel", "cancer", "tumor", "tumour", "nodule"),
        *("positive", "abnormal", "disease", "pneumonia", "covid", "1", "1.0", "yes", "true"),
    }
)
"""Words, in lower case, that name the class looked for when one of two classes bears one of them."""

_NO_FINDING = frozenset({"no finding", "no findings", "no_finding", "no_findings", "none", "normal"})
_BETWEEN = re.compile(r"[|;]")
_TO_SAY = 'set positive = "NAME"'


@dataclass(frozen=True)
class Labelling:
    """How labels become targets.

    Attributes:
        task: Of the cohort.
        classes: One a target entry.
        negative: What the absence of a binary cohort's class is called, else "".
        accepted: Classes that a binary or multiclass cohort takes; None for all.
        map: The source's code → class; other words are their own class.
    """

    task: Task
    classes: tuple[str, ...]
    negative: str = ""
    accepted: frozenset[str] | None = None
    map: Mapping[str, str] = field(default_factory=dict)

    def target(self, label: str) -> list[float] | None:
        """1 for present and 0 for absent, one a class; None for a label that is not accepted.

        Example:
            >>> Labelling("multilabel", ("Edema", "Mass")).target("Mass|Effusion")
            [0.0, 1.0]
        """
        if self.task == "multilabel":
            stated = set(split_label(mapped(label, self.map)))
        else:
            stated = {mapped(label, self.map)}
            if self.accepted is not None and stated.isdisjoint(self.accepted):
                return None
        return [float(name in stated) for name in self.classes]


def choose_labelling(
    labels: Iterable[str], settings: IngestSettings, *, where: str, usual: Task | None = None
) -> Labelling:
    """Tell task and classes from the labels and from what the user said.

    Args:
        labels: The labels of all inputs that have one.
        settings: `task`, `positive` and `classes` are asked.
        where: What a message calls the source.
        usual: The task of such a source where the settings say nothing of it.

    Raises:
        CohortError: There is no label or one class only, the positive class is unknown or ambiguous, or the
            settings contradict each other or the labels.
    """
    raw = sorted(set(labels))
    distinct = sorted({mapped(label, settings.map) for label in raw})
    if not distinct:
        raise CohortError(
            "no input has a label", where=where, todo="put images into one folder a class, or bring a table"
        )
    _check_map(raw, settings.map, where=where)
    if settings.classes is not None and len(set(settings.classes)) < len(settings.classes):
        raise CohortError("classes names a class twice", where=where, todo="name each class once")
    task = settings.task if settings.task != "auto" else _guess_task(raw, distinct, settings, usual)
    if task == "multilabel":
        return _multilabel(distinct, settings, where=where)
    if settings.classes is not None and not (task == "binary" and len(settings.classes) == 1):
        distinct = [name for name in settings.classes if name in distinct]
    if len(distinct) < 2:
        got = f"{_and(distinct)} only" if distinct else "none of the classes named"
        raise CohortError(
            f"expected images of at least 2 classes, got {got}",
            where=where,
            todo="bring images of the other class too",
        )
    if task == "multiclass":
        if settings.positive is not None:
            raise CohortError(
                "positive goes with a binary task only",
                where=where,
                todo='leave it out, or set task = "binary"',
            )
        return Labelling(
            "multiclass", settings.classes or tuple(distinct), accepted=frozenset(distinct), map=settings.map
        )
    positive = _positive(distinct, settings, where=where)
    others = [name for name in distinct if name != positive]
    negative = others[0] if len(others) == 1 else f"not {positive}"
    return Labelling("binary", (positive,), negative, frozenset(distinct), settings.map)


def split_label(label: str) -> list[str]:
    """The findings that one cell names: "Edema|Mass" or "Edema; Mass"."""
    return [part for part in (piece.strip() for piece in _BETWEEN.split(label)) if part]


def mapped(label: str, codes: Mapping[str, str]) -> str:
    """A label in the words of the classes; of several findings in one cell, each by itself.

    Example:
        >>> mapped("nv", {"nv": "benign"}), mapped("Mass|Nodule", {"Nodule": "Mass"})
        ('benign', 'Mass')
    """
    if label in codes or not codes:
        return codes.get(label, label)
    return "|".join(dict.fromkeys(codes.get(part, part) for part in split_label(label))) or label


def _check_map(labels: Sequence[str], codes: Mapping[str, str], *, where: str) -> None:
    """Refuse a code that no label bears: it is a slip of the pen more often than not."""
    known = {*labels, *(part for label in labels for part in split_label(label))}
    unknown = [code for code in codes if code not in known]
    if unknown:
        raise CohortError(
            f"no image that is left has the label {unknown[0]!r}, which map names",
            where=where,
            todo=f"the labels are {_and(labels)}",
        )


def check_classes(
    targets: NDArray[np.float32], labelling: Labelling, groups: Sequence[int], *, where: str
) -> None:
    """Refuse a cohort from which nothing can be learnt or measured.

    Args:
        targets: float32 [n, classes], 0, 1 or NaN.
        labelling: Names the columns.
        groups: n; images that must share a split.
        where: What a message calls the source.

    Raises:
        CohortError: A class has fewer than 5 images, or they come from fewer than 3 groups.
    """
    columns = dict(zip(labelling.classes, (targets == 1).T, strict=True))
    if labelling.negative:
        columns[labelling.negative] = targets[:, 0] == 0
    of_group = np.asarray(groups)
    for name, members in columns.items():
        images, apart = int(members.sum()), len(set(of_group[members].tolist()))
        if images < 5 or apart < 3:
            few = f"{images} image{'s' * (images != 1)}"
            if images >= 5:
                few += f" of {apart} patient{'s' * (apart != 1)} or lesion{'s' * (apart != 1)}"
            raise CohortError(
                f"class {name!r} has {few} that can be used, expected at least 5 of at least 3 patients",
                where=where,
                todo="bring more images of it, or leave it out with classes = [...]",
            )


def stratum_columns(targets: NDArray[np.float32]) -> NDArray[np.float64]:
    """What a split should share out evenly: each class, and the images without any.

    Args:
        targets: float32 [n, classes], 0, 1 or NaN.

    Returns:
        float64 [n, classes + 1] of 0 and 1.
    """
    present = np.nan_to_num(targets, nan=0.0) == 1
    return np.column_stack([present, ~present.any(axis=1)]).astype(np.float64)


def same_target(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether two targets say the same; NaN is equal to NaN."""
    return all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(one, other, strict=True))


def _guess_task(raw: list[str], distinct: list[str], settings: IngestSettings, usual: Task | None) -> Task:
    if settings.positive is not None:
        return "binary"
    if usual is not None:
        return usual
    if any(len(split_label(label)) > 1 for label in raw):
        return "multilabel"
    if settings.classes is not None:
        return "binary" if len(settings.classes) <= 2 else "multiclass"
    return "binary" if len(distinct) <= 2 else "multiclass"


def _multilabel(distinct: list[str], settings: IngestSettings, *, where: str) -> Labelling:
    if settings.positive is not None:
        raise CohortError(
            "positive goes with a binary task only", where=where, todo='leave it out, or set task = "binary"'
        )
    named = sorted({part for label in distinct for part in split_label(label)})
    classes = settings.classes or tuple(name for name in named if name.lower() not in _NO_FINDING)
    absent = [name for name in classes if name not in named]
    if absent or not classes:
        raise CohortError(
            f"no label names the class {_and(absent)}" if absent else "no label names a finding",
            where=where,
            todo=f"the labels name {_and(named)}",
        )
    return Labelling("multilabel", classes, map=settings.map)


def _positive(distinct: list[str], settings: IngestSettings, *, where: str) -> str:
    said = settings.positive
    if said is None and settings.classes is not None and len(settings.classes) == 1:
        said = settings.classes[0]
    if said is not None:
        if said not in distinct:
            raise CohortError(
                f"no image is of the positive class {said!r}",
                where=where,
                todo=f"the classes are {_and(distinct)}",
            )
        return said
    likely = [name for name in distinct if name.lower() in LIKELY_POSITIVE]
    if len(distinct) == 2 and len(likely) == 1:
        return likely[0]
    raise CohortError(
        f"which of the classes {_and(distinct)} is looked for is not clear", where=where, todo=_TO_SAY
    )


def _and(names: Sequence[str]) -> str:
    shown = [repr(name) for name in names[:12]]
    if len(names) > 12:
        shown.append(f"{len(names) - 12} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else ""
