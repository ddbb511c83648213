"""The shortcut audit: whether the classes can be told apart without looking at what the images show.

A reader learns whatever tells the classes apart. Where the source, the size or the compression of a file
does, it can learn that, do well on every image of this cohort, and fail on the next one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from overread.evaluation.curves import Number
from overread.evaluation.intervals import Interval, bootstrap, percentile_interval
from overread.evaluation.statistics import Array, Statistic
from overread.exploration.contrast import contrast
from overread.exploration.factors import Factor, FactorName, Family, find_factors
from overread.exploration.held_out import deal_folds, held_out_scores, widened, within_folds_auc_of
from overread.exploration.subject import Subject
from overread.progress import SILENT, Progress

WARNING_AUC = 0.6
"""Above it, where the interval does not reach 0.5, a factor is warned of."""

FOLDS = 5
FEWEST_IMAGES = 10
FEWEST_PATIENTS = 3
"""With and without the finding; an AUC from fewer says nothing."""

MOST_IMAGES = 150_000
"""Larger cohorts are audited on a random part of their patients."""

EXTREMES = 4
_NAN = float("nan")
_OTHERS = "the others"
_PATTERN = "(9 stands for digits, a for letters, # for an identifier)."
_CAVEATS: dict[FactorName, str] = {
    "file-name": "How files are named mostly tells where they come from.",
    "missing-metadata": "What is stated mostly tells where images come from.",
    "exposure": "Exposure and colour may also be part of how the finding looks.",
    "file-size": "How well a file compresses may also be part of how the finding looks.",
    "site": "A finding may also be more common at some sites.",
    "age": "A finding may also be more common at some ages.",
    "sex": "A finding may also be more common in one sex.",
    "metadata": "A finding may also be more common at some ages and in one sex.",
}


class Shortcut(BaseModel):
    """How well one factor alone tells one finding from the rest.

    Attributes:
        factor: For programs; see `overread.exploration.factors`.
        title: For people.
        family: What the image and its file give away, or what the patient's metadata do.
        class_name: The finding, against all images without it.
        auc: Cross-validated by patient, over pairs of images of one fold; NaN where it is undefined.
        low: Lower bound of its 95 % interval.
        high: Upper bound.
        images: How many images were asked.
        warned: Whether the AUC is above `WARNING_AUC` and its interval above 0.5.
        sentence: All of this in plain words, with what differs most.
        lowest: Images that the factor finds least like the finding, at most `EXTREMES`, of different patients
            where there are enough.
        highest: Those that it finds most like it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    factor: FactorName
    title: str
    family: Family
    class_name: str
    auc: Number
    low: Number
    high: Number
    images: int
    warned: bool
    sentence: str
    lowest: tuple[str, ...] = ()
    highest: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Finding:
    """One class of the cohort: its name, what the others are called, and 1, 0 or NaN for each image."""

    name: str
    others: str
    labels: Array


@dataclass(frozen=True)
class _Images:
    """The images of an audit, sorted by id: ids, patients from 0, an order drawn by seed, a remark."""

    ids: list[str]
    patients: NDArray[np.int64]
    draw: NDArray[np.int64]
    remark: str


@dataclass(frozen=True)
class _Guess:
    """What a factor says of the images that are asked.

    Labels and scores, [n] each, NaN elsewhere; the images' folds, and how many there are; and the patients
    with or without the finding, whichever are fewer.
    """

    labels: Array
    scores: Array
    fold_of: NDArray[np.int64]
    folds: int
    patients: int


def audit_shortcuts(
    subject: Subject, *, seed: int = 0, resamples: int = 500, progress: Progress = SILENT
) -> tuple[Shortcut, ...]:
    """Ask every factor about every finding; by finding, then in the order of `FactorName`.

    The result depends on the images' ids and the seed, not on the order of rows. Images without a label
    of the finding are left out. A factor that is the same for all images is not among the results.

    Args:
        subject: A cohort, or a table without images.
        seed: Of folds, resamples and the choice among equal images.
        resamples: Of the patient-clustered bootstrap.
        progress: Told of each factor and finding.
    """
    rows, remark = _chosen(subject.table, seed=seed)
    ids: list[str] = rows["image_id"].to_pylist()
    drawn = [hashlib.sha256(f"{seed}\0{one}".encode()).hexdigest() for one in ids]
    images = _Images(ids, _numbered(rows["patient_id"].to_pylist()), _numbered(drawn), remark)
    factors = find_factors(subject, rows)
    findings = _findings(subject, rows)
    found: list[Shortcut] = []
    with progress.task("auditing shortcuts", total=len(findings) * len(factors)) as task:
        for finding in findings:
            guesses: dict[FactorName, _Guess | None] = {}
            for factor in factors:
                guesses[factor.name] = _guess(factor, finding, images, seed=seed)
                task.advance()
            intervals = _intervals(guesses, images, seed=seed, resamples=resamples)
            found += [
                _shortcut(factor, finding, images, guesses[factor.name], intervals.get(factor.name))
                for factor in factors
            ]
    return tuple(found)


def _chosen(table: pa.Table, *, seed: int) -> tuple[pa.Table, str]:
    """The rows to audit, sorted by image id, and what to say where they are not all."""
    table = table.sort_by("image_id")
    if table.num_rows <= MOST_IMAGES:
        return table, ""
    patients = _numbered(table["patient_id"].to_pylist())
    counts = np.bincount(patients)
    order = np.random.default_rng(seed).permutation(counts.size)
    taken = order[: max(1, int(np.searchsorted(np.cumsum(counts[order]), MOST_IMAGES, side="right")))]
    rows = np.flatnonzero(np.isin(patients, taken))
    return table.take(rows), f" (on {rows.size:,} of {table.num_rows:,} images, drawn by patient)"


def _numbered(words: list[str]) -> NDArray[np.int64]:
    """The place of each word among the distinct ones: int64 [n], from 0."""
    return np.unique(np.asarray(words, np.str_), return_inverse=True)[1].astype(np.int64)


def _findings(subject: Subject, rows: pa.Table) -> list[_Finding]:
    classes = subject.card.classes
    empty = [np.nan] * len(classes)
    targets = np.array([empty if row is None else row for row in rows["target"].to_pylist()], np.float64)
    targets = targets.reshape(rows.num_rows, len(classes))
    binary = subject.card.task == "binary"
    others = f"{subject.card.negative} images" if binary and subject.card.negative else _OTHERS
    return [_Finding(name, others, targets[:, at]) for at, name in enumerate(classes)]


def _guess(factor: Factor, finding: _Finding, images: _Images, *, seed: int) -> _Guess | None:
    """Held-out scores of a factor; None where there are too few images or patients to have any."""
    labels = np.where(factor.stated, finding.labels, np.nan)
    rows = np.flatnonzero(~np.isnan(labels))
    sides = [rows[labels[rows] == side] for side in (0, 1)]
    patients = min(np.unique(images.patients[side]).size for side in sides)
    if min(side.size for side in sides) < FEWEST_IMAGES or patients < FEWEST_PATIENTS:
        return None
    columns = [column.of(rows) for column in factor.columns]
    members = np.unique(images.patients[rows], return_inverse=True)[1].astype(np.int64)
    folds = min(FOLDS, patients)
    fold_of, scores = np.zeros(labels.size, np.int64), np.full(labels.size, np.nan)
    fold_of[rows] = deal_folds(labels[rows], members, folds=folds, seed=seed)
    scores[rows] = held_out_scores(columns, labels[rows], fold_of[rows])
    return _Guess(labels, scores, fold_of, folds, patients)


def _intervals(
    guesses: Mapping[FactorName, _Guess | None], images: _Images, *, seed: int, resamples: int
) -> dict[FactorName, Interval]:
    """AUC and interval of every guess, all on the same resamples."""
    made = {name: guess for name, guess in guesses.items() if guess is not None}
    statistics: dict[str, Statistic] = {
        name: within_folds_auc_of(guess.labels, guess.scores, guess.fold_of) for name, guess in made.items()
    }
    if not statistics:
        return {}
    draws = bootstrap(statistics, images.patients, resamples=resamples, seed=seed)
    once = np.ones((1, images.patients.size))
    return {
        name: widened(
            percentile_interval(float(statistics[name](once)[0]), draws[name]),
            folds=guess.folds,
            patients=guess.patients,
        )
        for name, guess in made.items()
    }


def _shortcut(
    factor: Factor,
    finding: _Finding,
    images: _Images,
    guess: _Guess | None,
    interval: Interval | None,
) -> Shortcut:
    asked = factor.stated & ~np.isnan(finding.labels)
    interval = interval or Interval(_NAN, _NAN, _NAN, method="none")
    warned = interval.value > WARNING_AUC and interval.low > 0.5
    lowest, highest = ((), ()) if guess is None else _extremes(guess.scores, images)
    return Shortcut(
        factor=factor.name,
        title=factor.title,
        family=factor.family,
        class_name=finding.name,
        auc=interval.value,
        low=interval.low,
        high=interval.high,
        images=int(asked.sum()),
        warned=warned,
        sentence=_sentence(factor, finding, images, interval, warned=warned),
        lowest=lowest,
        highest=highest,
    )


def _sentence(factor: Factor, finding: _Finding, images: _Images, interval: Interval, *, warned: bool) -> str:
    rows = np.flatnonzero(factor.stated & ~np.isnan(finding.labels))
    present = finding.labels[rows] == 1
    rest = finding.others.removesuffix(" images") if finding.others != _OTHERS else "the rest"
    others = finding.others if finding.others != _OTHERS else f"of {_OTHERS}"
    alone = factor.title + ("" if "together" in factor.title else " alone")
    if np.isnan(interval.value):
        return (
            f"Whether {finding.name} can be told from {rest} by {alone} cannot be said: it is known of "
            f"{int(present.sum())} {finding.name} images and of {int((~present).sum())} {others}; at least "
            f"{FEWEST_IMAGES} images of {FEWEST_PATIENTS} patients are needed on either side."
        )
    figure = f"AUC {interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}]{images.remark}"
    columns = [column.of(rows) for column in factor.columns]
    differ = contrast(columns, present, name=finding.name, others=finding.others)
    differ += f" {_PATTERN}" if factor.name == "file-name" else "."
    if warned:
        told = [
            f"From {alone}, {finding.name} can be told from {rest} with {figure}: {differ}",
            "A reader can learn this instead of the disease.",
            *([_CAVEATS[factor.name]] if factor.name in _CAVEATS else []),
        ]
        return " ".join(told)
    how = (
        "may be told from {}, or it is chance"
        if interval.value > WARNING_AUC
        else "can hardly be told from {}"
    )
    return f"From {alone}, {finding.name} {how.format(rest)}: {figure}. The largest difference: {differ}"


def _extremes(scores: Array, images: _Images) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Ids of the images with the lowest and the highest scores; none where all are equal."""
    rows = np.flatnonzero(~np.isnan(scores))
    if np.ptp(scores[rows]) == 0:
        return (), ()
    # Rounded, since sums of trees in another order must not choose among equals.
    order = rows[np.lexsort((images.draw[rows], np.round(scores[rows], 9)))]
    return _first(order, images), _first(order[::-1], images)


def _first(order: NDArray[np.int64], images: _Images) -> tuple[str, ...]:
    """The first ids of different patients; the first ids where there are too few."""
    seen: dict[int, int] = {}
    for at in order:
        seen.setdefault(int(images.patients[at]), int(at))
        if len(seen) == EXTREMES:
            break
    taken = seen.values() if len(seen) == EXTREMES else order[:EXTREMES]
    return tuple(images.ids[at] for at in taken)
