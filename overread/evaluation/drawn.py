"""What a bootstrap drew, and figures made of it: value, interval and how that came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from overread.evaluation.figures import Figure, Method
from overread.evaluation.intervals import bootstrap, exact_interval, percentile_interval
from overread.evaluation.weighted import Array, Statistic

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Drawn:
    """Statistics on the images as they are and on resamples of their patients, all from the same draws.

    Attributes:
        values: Name → float64 [1, ...], on the images as they are.
        draws: Name → float64 [resamples, ...].
        patients: [n], text.
        level: Share that an interval should cover.
    """

    values: Mapping[str, Array]
    draws: Mapping[str, Array]
    patients: NDArray[np.str_]
    level: float

    @classmethod
    def of(
        cls,
        statistics: Mapping[str, Statistic],
        patients: NDArray[np.str_],
        *,
        resamples: int,
        seed: int,
        level: float,
    ) -> Drawn:
        """Draw patients, and take every statistic of every draw."""
        once = np.ones((1, patients.size))
        return cls(
            values={name: one(once) for name, one in statistics.items()},
            draws=bootstrap(statistics, patients, resamples=resamples, seed=seed),
            patients=patients,
            level=level,
        )

    def figure(
        self, name: str, column: int | None = None, *, whole: Mask | None = None, baseline: float = np.nan
    ) -> Figure:
        """One statistic, or one column of it, as a figure; see `figure_of` for `whole`."""
        value, draws = self.values[name], self.draws[name]
        if column is not None:
            value, draws = value[:, column], draws[:, column]
        return self.figure_of(float(value[0]), draws, whole=whole, baseline=baseline)

    def figure_of(
        self, value: float, draws: Array, *, whole: Mask | None = None, baseline: float = np.nan
    ) -> Figure:
        """A value and its draws as a figure.

        Args:
            value: On the images as they are.
            draws: float64 [resamples].
            whole: For a proportion, the images of its denominator, bool [n]: where the proportion is 0 or 1
                every resample repeats it, and the interval is the exact one over whole patients.
            baseline: What the prevalence alone would reach.
        """
        found = percentile_interval(value, draws, level=self.level)
        low, high = found.low, found.high
        method: Method = found.method
        if whole is not None and value in (0.0, 1.0):
            trials = np.unique(self.patients[whole]).size
            low, high = exact_interval(trials if value else 0, trials, level=self.level)
            method = "exact"
        elif method == "bootstrap" and high - low < 1e-12:
            low, high, method = np.nan, np.nan, "none"
        return Figure(
            value=value, low=low, high=high, undefined=found.undefined, method=method, baseline=baseline
        )

    def band(self, name: str, columns: slice = slice(None)) -> tuple[Array, Array]:
        """Pointwise bounds [k] over the resamples that have a curve; empty where none has."""
        draws = self.draws[name][:, columns]
        defined = draws[~np.isnan(draws).any(axis=1)]
        if not len(defined):
            return np.empty(0), np.empty(0)
        low, high = np.quantile(defined, [(1 - self.level) / 2, (1 + self.level) / 2], axis=0)
        return low, high
