"""Whether a reader is as good for each kind of image: figures of subgroups, and tests against the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from overread.errors import EvaluationError
from overread.evaluation.intervals import Interval, bootstrap, percentile_interval
from overread.evaluation.metrics import scored
from overread.evaluation.multiplicity import holm
from overread.evaluation.ranking import roc_auc_of
from overread.evaluation.weighted import Array, Statistic

NOT_STATED = "not stated"


@dataclass(frozen=True)
class Subgroup:
    """One kind of image beside all others.

    Attributes:
        name: Such as "F" or "60 to 70".
        images: With a label.
        patients: Of those images.
        positives: Of those images.
        negatives: Of those images.
        figure: Of the subgroup, with its patient-clustered interval; NaN where undefined.
        rest: Of all images outside it.
        difference: figure - rest, with its interval; patients with images on both sides are counted once.
        p_value: Two-sided, of no difference: normal, with the bootstrap's standard error; NaN if undefined.
        p_holm: The same adjusted for all subgroups of the table (Holm).
    """

    name: str
    images: int
    patients: int
    positives: int
    negatives: int
    figure: Interval
    rest: Interval
    difference: Interval
    p_value: float
    p_holm: float


def subgroup_table(
    labels: ArrayLike,
    scores: ArrayLike,
    kinds: Sequence[str | None],
    *,
    groups: ArrayLike,
    statistic: Callable[[Array, Array], Statistic] = roc_auc_of,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[Subgroup, ...]:
    """A row a subgroup, in the order of their names, images of which nothing is known last.

    Args:
        labels: float [n], 1 present, 0 absent, NaN not stated (left out).
        scores: float [n], 0..1.
        kinds: [n], the subgroup of each image; None where the source does not say.
        groups: [n], the patient of each image.
        statistic: From labels and scores to a statistic, such as `roc_auc_of`, `brier_of`, or a
            sensitivity at a fixed threshold. A subgroup is made by leaving the labels of all others unstated.
        resamples: Bootstrap resamples of patients, shared by all rows.
        seed: Of the bootstrap.
        level: Share that an interval should cover.

    Raises:
        EvaluationError: Lengths differ.
    """
    truth, values = scored(labels, scores)
    patients = np.asarray(groups)
    if len(kinds) != truth.size or patients.shape != truth.shape:
        raise EvaluationError(
            f"expected a subgroup and a patient for each of {truth.size} images, got {len(kinds)} and "
            f"{patients.size}"
        )
    kind = np.array([NOT_STATED if one is None else str(one) for one in kinds], dtype=object)
    names = sorted({str(one) for one in kind}, key=lambda name: (name == NOT_STATED, name))
    inside: dict[str, NDArray[np.bool_]] = {name: np.asarray(kind == name, np.bool_) for name in names}
    statistics: dict[str, Statistic] = {}
    for name in names:
        statistics[f"in/{name}"] = statistic(np.where(inside[name], truth, np.nan), values)
        statistics[f"rest/{name}"] = statistic(np.where(inside[name], np.nan, truth), values)
    draws = bootstrap(statistics, patients, resamples=resamples, seed=seed)
    once = np.ones((1, truth.size))
    plain = {name: float(one(once)[0]) for name, one in statistics.items()}
    rows = []
    for name in names:
        own, rest = f"in/{name}", f"rest/{name}"
        difference, apart = plain[own] - plain[rest], draws[own] - draws[rest]
        counted = inside[name] & ~np.isnan(truth)
        rows.append(
            Subgroup(
                name=name,
                images=int(counted.sum()),
                patients=np.unique(patients[counted]).size,
                positives=int((truth[counted] == 1).sum()),
                negatives=int((truth[counted] == 0).sum()),
                figure=percentile_interval(plain[own], draws[own], level=level),
                rest=percentile_interval(plain[rest], draws[rest], level=level),
                difference=percentile_interval(difference, apart, level=level),
                p_value=_p_value(difference, apart),
                p_holm=np.nan,
            )
        )
    # Two subgroups that make up all images are one comparison, seen from either side.
    adjusted = [rows[0].p_value] * 2 if len(rows) == 2 else holm([row.p_value for row in rows])
    return tuple(Subgroup(**{**vars(row), "p_holm": float(p)}) for row, p in zip(rows, adjusted, strict=True))


def age_bands(ages: ArrayLike, *, edges: Sequence[float] = (40, 60)) -> list[str | None]:
    """Ages in years as subgroups: "under 40", "40 to 60" (60 left out), "60 and over"; NaN gives None.

    Example:
        >>> age_bands([39.5, 40, 60, float("nan")])
        ['under 40', '40 to 60', '60 and over', None]
    """
    limits = [float(edge) for edge in edges]
    if not limits or limits != sorted(set(limits)):
        raise EvaluationError(f"expected rising edges of ages, got {list(edges)}")
    names = [
        f"under {limits[0]:g}",
        *(f"{low:g} to {high:g}" for low, high in pairwise(limits)),
        f"{limits[-1]:g} and over",
    ]
    years = np.asarray(ages, np.float64)
    return [
        None if np.isnan(age) else names[int(np.searchsorted(limits, age, side="right"))] for age in years
    ]


def _p_value(difference: float, draws: Array) -> float:
    from scipy.stats import norm

    defined = draws[~np.isnan(draws)]
    if np.isnan(difference) or defined.size < 2:
        return np.nan
    error = float(defined.std(ddof=1))
    return float(2 * norm.sf(abs(difference) / error)) if error > 0 else np.nan
