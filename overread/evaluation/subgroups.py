"""Whether a reader is as good for each kind of image: figures of subgroups, and tests against the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from overread.errors import EvaluationError
from overread.evaluation.clinical import SubgroupRow
from overread.evaluation.drawn import Drawn, Mask
from overread.evaluation.metrics import scored
from overread.evaluation.multiplicity import holm
from overread.evaluation.ranking import roc_auc_of
from overread.evaluation.weighted import Array, Statistic

NOT_STATED, OTHER = "not stated", "other"
AGE_EDGES = (40.0, 60.0)
"""Years at which age bands meet."""
Factory = Callable[[Array, Array], Statistic]


def subgroup_table(
    labels: ArrayLike,
    scores: ArrayLike,
    kinds: Sequence[str | None],
    *,
    groups: ArrayLike,
    statistic: Factory = roc_auc_of,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[SubgroupRow, ...]:
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
    inside = inside_kinds(kinds)
    statistics = side_statistics("table", inside, truth, values, statistic=statistic)
    drawn = Drawn.of(statistics, patients, resamples=resamples, seed=seed, level=level)
    return subgroup_rows("table", inside, truth, drawn=drawn)


def inside_kinds(kinds: Sequence[str | None], *, order: Sequence[str] = ()) -> dict[str, Mask]:
    """Kind → its images, bool [n]; in the order given, then by name, "other" and "not stated" last."""
    kind = np.array([NOT_STATED if one is None else str(one) for one in kinds], dtype=object)
    place = {name: at for at, name in enumerate(order)}
    names = sorted(
        {str(one) for one in kind},
        key=lambda name: (name == NOT_STATED, name == OTHER, place.get(name, len(place)), name),
    )
    return {name: np.asarray(kind == name, np.bool_) for name in names}


def side_statistics(
    table: str, inside: Mapping[str, Mask], truth: Array, scores: Array, *, statistic: Factory
) -> dict[str, Statistic]:
    """What must be drawn for `subgroup_rows`: the statistic inside and outside of each kind."""
    found: dict[str, Statistic] = {}
    for name, here in inside.items():
        found[f"{table}/{name}/in"] = statistic(np.where(here, truth, np.nan), scores)
        found[f"{table}/{name}/rest"] = statistic(np.where(here, np.nan, truth), scores)
    return found


def subgroup_rows(
    table: str, inside: Mapping[str, Mask], truth: Array, *, drawn: Drawn, whole: Mask | None = None
) -> tuple[SubgroupRow, ...]:
    """The rows of one table.

    P is two-sided, of no difference: normal, with the bootstrap's standard error. A patient with images on
    both sides is drawn on both.

    Args:
        table: As given to `side_statistics`.
        inside: Likewise.
        truth: Likewise.
        drawn: The draws.
        whole: For a proportion the images of its denominator, bool [n].
    """
    rows = []
    for name, here in inside.items():
        own, rest = f"{table}/{name}/in", f"{table}/{name}/rest"
        difference = float(drawn.values[own][0] - drawn.values[rest][0])
        apart = drawn.draws[own] - drawn.draws[rest]
        counted = here & ~np.isnan(truth)
        rows.append(
            SubgroupRow(
                name=name,
                images=int(counted.sum()),
                patients=np.unique(drawn.patients[counted]).size,
                positives=int((truth[counted] == 1).sum()),
                negatives=int((truth[counted] == 0).sum()),
                figure=drawn.figure(own, whole=None if whole is None else whole & here),
                rest=drawn.figure(rest, whole=None if whole is None else whole & ~here),
                difference=drawn.figure_of(difference, apart),
                p_value=_p_value(difference, apart),
            )
        )
    # Two subgroups that make up all images are one comparison, seen from either side.
    adjusted = [rows[0].p_value] * 2 if len(rows) == 2 else holm([row.p_value for row in rows])
    return tuple(row.model_copy(update={"p_holm": float(p)}) for row, p in zip(rows, adjusted, strict=True))


def age_bands(ages: ArrayLike, *, edges: Sequence[float] = AGE_EDGES) -> list[str | None]:
    """Ages in years as subgroups: "under 40", "40 to 60" (60 left out), "60 and over"; NaN gives None.

    Example:
        >>> age_bands([39.5, 40, 60, float("nan")])
        ['under 40', '40 to 60', '60 and over', None]
    """
    names = band_names(edges)
    years = np.asarray(ages, np.float64)
    return [None if np.isnan(age) else names[int(np.searchsorted(edges, age, side="right"))] for age in years]


def band_names(edges: Sequence[float]) -> list[str]:
    """What bands of numbers are called, rising.

    Raises:
        EvaluationError: The edges do not rise.
    """
    limits = [float(edge) for edge in edges]
    if not limits or limits != sorted(set(limits)):
        raise EvaluationError(f"expected rising edges, got {list(edges)}")
    between = [f"{low:g} to {high:g}" for low, high in pairwise(limits)]
    return [f"under {limits[0]:g}", *between, f"{limits[-1]:g} and over"]


def pooled_kinds(kinds: Sequence[str | None], *, least: int = 20, most: int = 8) -> list[str | None]:
    """Rare kinds as one, "other": those of fewer than `least` images, and all but the `most` - 1 commonest.

    A kind that would be pooled alone keeps its name.

    Example:
        >>> pooled_kinds(["a", "a", "b", None, "c"], least=2)
        ['a', 'a', 'other', None, 'other']
    """
    counts = Counter(one for one in kinds if one is not None)
    common = sorted((one for one in counts if counts[one] >= least), key=lambda one: (-counts[one], one))
    if len(counts) > most and len(common) >= most:
        common = common[: most - 1]
    kept = set(common) if len(counts) - len(common) > 1 else set(counts)
    return [one if one is None or one in kept else OTHER for one in kinds]


def _p_value(difference: float, draws: Array) -> float:
    from scipy.stats import norm

    defined = draws[~np.isnan(draws)]
    if np.isnan(difference) or defined.size < 2:
        return np.nan
    error = float(defined.std(ddof=1))
    return float(2 * norm.sf(abs(difference) / error)) if error > 0 else np.nan
