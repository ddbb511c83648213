"""Readers that are to be compared, and the images that all of them have read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from overread.errors import EvaluationError, UsageError
from overread.evaluation.join import JoinedReadings
from overread.evaluation.results import Evaluation
from overread.evaluation.statistics import Array
from overread.evaluation.wording import count


@dataclass(frozen=True)
class Candidate:
    """A reader that is to be compared.

    Attributes:
        name: What the comparison calls it.
        evaluation: Its evaluation.json: task, classes, thresholds.
        readings: Its readings of the split; see `join_readings`.
    """

    name: str
    evaluation: Evaluation
    readings: pa.Table

    @property
    def label(self) -> str:
        """The bundle's name@version."""
        return self.evaluation.bundle

    @property
    def classes(self) -> tuple[str, ...]:
        """Of the bundle."""
        return self.evaluation.classes


@dataclass(frozen=True)
class SharedImages:
    """The images that all have read.

    Attributes:
        ids: [n].
        labels: float64 [n, classes], 1, 0, NaN not stated.
        patients: [n].
        scores: float64 [n, classes] a reader.
        decisions: [n] a reader.
    """

    ids: tuple[str, ...]
    labels: Array
    patients: NDArray[np.str_]
    scores: tuple[Array, ...]
    decisions: tuple[NDArray[np.str_], ...]


def check_candidates(candidates: Sequence[Candidate]) -> None:
    """Refuse readers that do not answer one question.

    Raises:
        UsageError: There are fewer than two, or two of one name.
        EvaluationError: Their task, classes or split differ.
    """
    if len(candidates) < 2:
        raise UsageError(
            f"expected two readers or more, got {len(candidates)}", where="compare", todo="name another"
        )
    names = [one.name for one in candidates]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"two readers are called '{twice}'", where="compare", todo="name them differently")
    first = candidates[0]
    for other in candidates[1:]:
        for what in ("task", "classes", "split"):
            mine, its = (getattr(one.evaluation, what) for one in (first, other))
            if mine != its:
                raise EvaluationError(
                    f"'{first.name}' has {what} {_said(mine)}, '{other.name}' {_said(its)}",
                    where="compare",
                    todo="compare readers that answer the same question of the same images",
                )


def _said(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def shared_images(candidates: Sequence[Candidate], joined: Sequence[JoinedReadings]) -> SharedImages:
    """The images that every reader has read, in the order of their ids.

    Raises:
        EvaluationError: There is none, or two readers read different files of one name.
    """
    common = set(joined[0].image_id).intersection(*(one.image_id for one in joined[1:]))
    if not common:
        raise EvaluationError(
            "the readers have no labelled image in common",
            where="compare",
            todo="let all of them read the test split of one cohort",
        )
    ids = tuple(sorted(common))
    _check_bytes(candidates, common)
    rows = [np.array([at in common for at in one.image_id]) for one in joined]
    return SharedImages(
        ids=ids,
        labels=joined[0].labels[rows[0]],
        patients=joined[0].patient[rows[0]],
        scores=tuple(one.scores[row] for one, row in zip(joined, rows, strict=True)),
        decisions=tuple(one.decisions[row] for one, row in zip(joined, rows, strict=True)),
    )


def _check_bytes(candidates: Sequence[Candidate], common: set[str]) -> None:
    """An image of one name must be one image: the readings say which bytes were read."""
    known: dict[str, str] = {}
    for one in candidates:
        if "sha256" not in one.readings.column_names:
            continue
        rows = one.readings.select(["image_id", "sha256"]).to_pydict()
        for name, digest in zip(rows["image_id"], rows["sha256"], strict=True):
            if name in common and digest and known.setdefault(name, digest) != digest:
                raise EvaluationError(
                    f"'{one.name}' and another reader have read different files of this name",
                    where=f"image '{name}'",
                    todo="let all readers read the same cohort",
                )


def agreed_urgent(candidates: Sequence[Candidate]) -> tuple[tuple[str, ...], list[str]]:
    """The urgent classes, where all readers agree on them, or the sentence that they do not."""
    said = [one.evaluation.triage.urgent if one.evaluation.triage else () for one in candidates]
    if all(set(one) == set(said[0]) for one in said):
        return said[0], []
    return (), [
        "The readers call different classes urgent: the classes are compared one by one, what is urgent not."
    ]


def left_out_sentence(
    left_out: int, images: int, candidates: Sequence[Candidate], joined: Sequence[JoinedReadings]
) -> str:
    """Which images of the split are not compared, and why."""
    parts = [
        f"'{one.name}' {' and '.join(said)}"
        for one, found in zip(candidates, joined, strict=True)
        if (
            said := [
                f"{words} {many}"
                for words, many in (
                    ("could not read", found.counts.rejected),
                    ("has no reading of", found.counts.missing),
                )
                if many
            ]
        )
    ]
    unlabelled = min(found.counts.unlabelled for found in joined)
    parts += [f"{unlabelled} have no label"] if unlabelled else []
    verb = "is" if left_out == 1 else "are"
    return f"{count(left_out, 'image')} of {images:,} {verb} left out: {'; '.join(parts)}."
