"""Statistics as functions of weights, so that one definition serves a value and all its resamples.

A `Statistic` maps weights, float64 [resamples, n], to values, float64 [resamples]: a weight of 2 means that
an image counts twice, as in a resample that drew its patient twice; weights of 1 give the plain figure. A
resample in which a figure is undefined yields NaN.

All images of a patient have one weight in a resample. A statistic that can be pooled therefore becomes one
of weights [resamples, patients], once, and a bootstrap never holds images × resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Members = NDArray[np.intp]
Statistic = Callable[[Array], Array]


@runtime_checkable
class Poolable(Protocol):
    """A statistic that can be written in the weights of groups of images."""

    def __call__(self, weights: Array, /) -> Array:
        """Values [resamples] for weights [resamples, n]."""

    def pooled(self, member: Members, *, groups: int) -> Statistic:
        """The same statistic of weights [resamples, groups]; `member` int [n] is each image's group."""


def ratio(numerator: Array, denominator: Array) -> Array:
    """Divide, with NaN where the denominator is 0."""
    out: Array = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    np.divide(numerator, denominator, out=out, where=denominator > 0)
    return out


def part_of_whole(totals: Array) -> Array:
    """The first of two sums over the second: [resamples, 2] → [resamples]."""
    return ratio(totals[:, 0], totals[:, 1])


@dataclass(frozen=True)
class Sums:
    """A function of weighted sums over images: every proportion, every mean, and what is made of them.

    A class, so that the bootstrap can take the sums of all of them in one matrix product.

    Attributes:
        sums: float64 [n, k]: what each image adds to each of k sums.
        of: Sums float64 [resamples, k] → values [resamples].
    """

    sums: Array
    of: Callable[[Array], Array] = part_of_whole

    def __call__(self, weights: Array, /) -> Array:
        """Values [resamples] for weights [resamples, n]."""
        return self.of(weights @ self.sums)

    def pooled(self, member: Members, *, groups: int) -> Sums:
        """The same statistic of weights [resamples, groups]."""
        columns = [np.bincount(member, weights=column, minlength=groups) for column in self.sums.T]
        return Sums(np.stack(columns, axis=1) if columns else np.zeros((groups, 0)), self.of)


@dataclass(frozen=True)
class Mean:
    """Mean of several statistics; NaN in a resample where any of them is, and where there are none."""

    parts: tuple[Statistic, ...]

    def __call__(self, weights: Array, /) -> Array:
        """Values [resamples] for weights [resamples, n]."""
        if not self.parts:
            return np.full(len(weights), np.nan)
        values: Array = np.mean([one(weights) for one in self.parts], axis=0)
        return values

    def pooled(self, member: Members, *, groups: int) -> Statistic:
        """The same statistic of weights [resamples, groups]."""
        return Mean(tuple(pool(one, member, groups=groups) for one in self.parts))


@dataclass(frozen=True)
class _Spread:
    """A statistic that cannot be pooled, given the weights of images from those of their groups."""

    statistic: Statistic
    member: Members

    def __call__(self, weights: Array, /) -> Array:
        return self.statistic(weights[:, self.member])


def pool(statistic: Statistic, member: Members, *, groups: int) -> Statistic:
    """Any statistic as one of weights [resamples, groups].

    Args:
        statistic: Of weights [resamples, n].
        member: int [n], the group of each image, 0..groups - 1.
        groups: How many groups.
    """
    if isinstance(statistic, Poolable):
        return statistic.pooled(member, groups=groups)
    return _Spread(statistic, member)


def share_of(part: ArrayLike, whole: ArrayLike) -> Sums:
    """The share of `part` in `whole`, both [n]."""
    return Sums(np.stack([np.asarray(part, np.float64), np.asarray(whole, np.float64)], axis=1))


def mean_of(statistics: Sequence[Statistic]) -> Mean:
    """Mean of several statistics; NaN in a resample where any of them is, and where there are none."""
    return Mean(tuple(statistics))
