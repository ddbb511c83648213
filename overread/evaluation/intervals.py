"""Intervals that know that images of one patient are alike.

The patient-clustered bootstrap draws patients, not images: a resample holds every image of each drawn
patient, as often as the patient was drawn. Drawing images instead makes intervals too narrow as soon as
patients have several images (Field & Welsh, J. R. Stat. Soc. B 2007).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from overread.errors import EvaluationError
from overread.evaluation.weighted import Array, Members, Statistic, Sums, pool

_CELLS_A_CHUNK = 4_000_000  # images × resamples at a time: some 150 MB, whatever the size of the test set


@dataclass(frozen=True)
class Interval:
    """A figure with its interval.

    Attributes:
        value: The figure on the data; NaN where undefined.
        low: Lower bound; NaN where there is none.
        high: Upper bound; NaN where there is none.
        undefined: In how many resamples the figure was undefined; the bounds come from the others.
        method: "bootstrap" (percentile), "exact" (Clopper-Pearson over patients), or "none".
    """

    value: float
    low: float
    high: float
    undefined: int = 0
    method: Literal["bootstrap", "exact", "none"] = "bootstrap"


def clustered_bootstrap(
    statistic: Statistic, groups: ArrayLike, *, resamples: int = 2000, seed: int = 0, level: float = 0.95
) -> Interval:
    """Percentile interval of one statistic, resampling groups (patients).

    Args:
        statistic: Weights float64 [resamples, n] → values [resamples]; see `weighted`.
        groups: [n], the patient of each image (text or integers); their order does not matter.
        resamples: How many resamples to draw.
        seed: Seed of the draws.
        level: Share that the interval should cover.
    """
    draws = bootstrap({"": statistic}, groups, resamples=resamples, seed=seed)[""]
    value = float(statistic(np.ones((1, len(np.asarray(groups)))))[0])
    return percentile_interval(value, draws, level=level)


def bootstrap(
    statistics: Mapping[str, Statistic], groups: ArrayLike, *, resamples: int = 2000, seed: int = 0
) -> dict[str, Array]:
    """Values of several statistics on the same resamples: name → float64 [resamples, ...]."""
    names, member = _members(groups)
    pooled = {name: pool(one, member, groups=names) for name, one in statistics.items()}
    linear = {name: one for name, one in pooled.items() if isinstance(one, Sums)}
    columns = np.concatenate([one.sums for one in linear.values()], axis=1) if linear else None
    ends = np.cumsum([one.sums.shape[1] for one in linear.values()])[:-1]
    parts: dict[str, list[Array]] = {name: [] for name in statistics}
    for counts in _resample_counts(names, images=member.size, resamples=resamples, seed=seed):
        if columns is not None:
            totals = np.split(counts @ columns, ends, axis=1)
            for (name, one), total in zip(linear.items(), totals, strict=True):
                parts[name].append(one.of(total))
        for name, statistic in pooled.items():
            if name not in linear:
                parts[name].append(statistic(counts))
    return {name: np.concatenate(values) for name, values in parts.items()}


def resample_weights(groups: ArrayLike, *, resamples: int, seed: int) -> Iterator[Array]:
    """How often each image counts in each resample: chunks of float64 [≤ resamples, n], one seed one answer.

    A resample draws as many groups as there are, with replacement.
    """
    names, member = _members(groups)
    for counts in _resample_counts(names, images=member.size, resamples=resamples, seed=seed):
        yield counts[:, member]


def _members(groups: ArrayLike) -> tuple[int, Members]:
    names, member = np.unique(np.asarray(groups), return_inverse=True)
    return names.size, member


def _resample_counts(groups: int, *, images: int, resamples: int, seed: int) -> Iterator[Array]:
    """How often each group counts: chunks of float64 [≤ resamples, groups], a group's counts side by side."""
    if resamples < 1:
        raise EvaluationError(f"expected `resamples` to be at least 1, got {resamples}")
    rng = np.random.default_rng(seed)
    chunk = max(1, _CELLS_A_CHUNK // max(1, images))
    for start in range(0, resamples, chunk):
        counts = draw_counts(rng, groups=groups, resamples=min(chunk, resamples - start))
        yield np.asarray(counts, np.float64, order="F")


def draw_counts(rng: np.random.Generator, *, groups: int, resamples: int) -> NDArray[np.int64]:
    """How often each of `groups` groups is drawn: int64 [resamples, groups], rows summing to `groups`."""
    if groups == 0:
        return np.zeros((resamples, 0), np.int64)
    drawn = rng.integers(0, groups, size=(resamples, groups))
    drawn += np.arange(resamples)[:, None] * groups
    return np.bincount(drawn.ravel(), minlength=resamples * groups).reshape(resamples, groups)


def percentile_interval(value: float, draws: Array, *, level: float = 0.95) -> Interval:
    """Interval between the percentiles of bootstrap values, NaN ones counted and left out.

    Source: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    if not 0 < level < 1:
        raise EvaluationError(f"expected `level` between 0 and 1, got {level:g}")
    defined = draws[~np.isnan(draws)]
    undefined = int(draws.size - defined.size)
    if np.isnan(value) or not defined.size:
        return Interval(value, np.nan, np.nan, undefined, "none")
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high), undefined)


def exact_interval(successes: int, trials: int, *, level: float = 0.95) -> tuple[float, float]:
    """Bounds of a proportion after Clopper & Pearson (Biometrika 1934); (NaN, NaN) without trials.

    Example:
        >>> low, high = exact_interval(20, 20)
        >>> round(low, 3), high
        (0.832, 1.0)
    """
    from scipy.stats import beta

    if trials == 0:
        return np.nan, np.nan
    tail = (1 - level) / 2
    low = 0.0 if successes == 0 else float(beta.ppf(tail, successes, trials - successes + 1))
    high = 1.0 if successes == trials else float(beta.ppf(1 - tail, successes + 1, trials - successes))
    return low, high
