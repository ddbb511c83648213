"""Fewer features than a backbone gives: principal components, or those that tell most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Kind = Literal["none", "pca", "select"]
Problems = list[tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]]


@dataclass(frozen=True)
class Reduction:
    """A way from all features to fewer.

    Attributes:
        columns: `int64 [k]`, the features that are kept as they are; of components: all.
        matrix: `[k, d]`, which sums of features are taken; None: none are.
        offset: `[k]`, added to these sums.
    """

    columns: npt.NDArray[np.int64]
    matrix: Array | None = None
    offset: Array | None = None

    def apply(self, features: Array) -> Array:
        """Features `[n, d]` to fewer, `[n, k]`."""
        if self.matrix is None or self.offset is None:
            return np.ascontiguousarray(features[:, self.columns])
        return np.asarray(features @ self.matrix.T + self.offset, np.float64)

    def first(self, size: int) -> Reduction:
        """The same with so few of what it keeps, the first ones."""
        if self.matrix is None or self.offset is None:
            return Reduction(self.columns[:size])
        return Reduction(self.columns, self.matrix[:size], self.offset[:size])

    def unfold(self, weight: Array, bias: Array, *, width: int) -> tuple[Array, Array]:
        """A linear head on the fewer features, `[outputs, k]` and `[outputs]`, as one on all `width`."""
        if self.matrix is None or self.offset is None:
            whole = np.zeros((len(weight), width))
            whole[:, self.columns] = weight
            return whole, bias
        return weight @ self.matrix, bias + weight @ self.offset


def fit_reduction(
    features: Array, problems: Problems, *, kind: Kind, size: int, beside: int = 0
) -> Reduction:
    """Learn from some images which features to keep, or which sums of them.

    Args:
        features: `[n, d]`.
        problems: Of each regression which rows are known, and their labels; components do not look at them.
        kind: "pca" takes principal components of standardised features (Pearson 1901), "select" the features
            that tell the classes apart best by the F statistic of a one-way analysis of variance (Fisher
            1925); of several findings the one counts in which a feature stands best. "none" keeps all.
        size: How many, at most.
        beside: How many of the last features are metadata, which are kept as they are.
    """
    if beside:
        image = features[:, :-beside]
        return keeping(fit_reduction(image, problems, kind=kind, size=size), image.shape[1], beside)
    width = features.shape[1]
    if kind == "none":
        return Reduction(np.arange(width))
    if kind == "select":
        ranks = np.stack([_ranks(features[known], labels) for known, labels in problems])
        # The mean rank breaks ties, so that the first finding has no advantage.
        order = np.lexsort((ranks.mean(0), ranks.min(0)))
        return Reduction(np.sort(order[:size]).astype(np.int64))
    mean, std = features.mean(0), features.std(0)
    scale = np.where(std > 1e-9, std, 1.0)
    basis = _components((features - mean) / scale, min(size, len(features) - 1, width))
    matrix = basis / scale
    return Reduction(np.arange(width), matrix, -matrix @ mean)


def keeping(reduction: Reduction, width: int, beside: int) -> Reduction:
    """A reduction of `width` features that leaves `beside` more behind them as they are."""
    last = np.arange(width, width + beside)
    if reduction.matrix is None or reduction.offset is None:
        return Reduction(np.concatenate([reduction.columns, last]))
    kept = len(reduction.matrix)
    matrix = np.zeros((kept + beside, width + beside))
    matrix[:kept, :width], matrix[kept:, width:] = reduction.matrix, np.eye(beside)
    return Reduction(np.arange(width + beside), matrix, np.append(reduction.offset, np.zeros(beside)))


def _ranks(features: Array, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The place of each feature, `[d]`, 0 the best; a feature that never changes comes last."""
    present = [features[labels == label] for label in np.unique(labels)]
    between = sum(len(part) * (part.mean(0) - features.mean(0)) ** 2 for part in present)
    within = sum(((part - part.mean(0)) ** 2).sum(0) for part in present)
    varied = features.std(0) > 1e-9
    # The F statistic but for a factor that all features share.
    told = np.where(varied, between / np.maximum(within, 1e-300), -1.0)
    ranks = np.empty(len(told), np.int64)
    ranks[np.argsort(-told, kind="stable")] = np.arange(len(told))
    return ranks


def _components(x: Array, count: int) -> Array:
    """Directions of largest variance of centred rows `[n, d]`: `[count, d]`, with signs that are fixed."""
    if len(x) > x.shape[1]:
        return largest_components(x.T @ x, count)
    _, _, directions = np.linalg.svd(x, full_matrices=False)
    return _with_fixed_signs(directions[:count])


def largest_components(products: Array, count: int) -> Array:
    """The same of the products of columns, `[d, d]`."""
    _, vectors = np.linalg.eigh(products)
    return _with_fixed_signs(vectors[:, ::-1][:, :count].T)


def _with_fixed_signs(basis: Array) -> Array:
    largest = basis[np.arange(len(basis)), np.abs(basis).argmax(1)]
    return np.ascontiguousarray(basis * np.where(largest < 0, -1.0, 1.0)[:, None])
