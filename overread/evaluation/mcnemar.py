"""Whether two readers decide the same images differently often rightly: McNemar's test for pairs.

Only images on which one reader is right and the other wrong say anything. With several images a patient those
are not independent: then whole patients are counted (`groups`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from overread.errors import EvaluationError
from overread.evaluation.metrics import decided

Method = Literal["mid-p", "exact", "clustered"]


@dataclass(frozen=True)
class McNemar:
    """What two readers' decisions on the same images show.

    Attributes:
        first_only: Images that only the first reader decided rightly.
        second_only: Images that only the second did.
        images: Images compared.
        difference: Accuracy of the first less that of the second; NaN without images.
        p_value: Two-sided, of equal accuracy; 1 where the readers are right on the same images.
        method: How p came about.
    """

    first_only: int
    second_only: int
    images: int
    difference: float
    p_value: float
    method: Method


def mcnemar(
    labels: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    exact: bool = False,
) -> McNemar:
    """Compare the decisions of two readers on the same images.

    To compare sensitivities, leave the negatives unstated (NaN); to compare specificities, the positives.

    Args:
        labels: float [n], 1 present, 0 absent, NaN not stated (left out).
        first: bool [n], whether the first reader called the finding.
        second: bool [n], whether the second did.
        groups: [n], the patient of each image; None: every image is a patient's only one. With groups, z is
            the sum over patients of (images that only the first got right - only the second), over the root
            of the sum of its squares (Yang, Sun & Hardin, Biom. J. 2010;52:638, after Obuchowski, Stat. Med.
            1998;17:1495); with one image a patient that is McNemar's chi-square without correction.
        exact: Without groups, the exact conditional p instead of the mid-p, which is less conservative and
            keeps its level in practice (Fagerland, Lydersen & Laake, BMC Med. Res. Methodol. 2013;13:91).
    """
    truth, one = decided(labels, first)
    _, other = decided(labels, second)
    stated = ~np.isnan(truth)
    right, also = (truth[stated] == 1) == one[stated], (truth[stated] == 1) == other[stated]
    won, lost = right & ~also, also & ~right
    images, b, c = int(stated.sum()), int(won.sum()), int(lost.sum())
    method: Method = "exact" if exact else "mid-p"
    if groups is not None:
        method = "clustered"
        patients = np.asarray(groups)
        if patients.shape != truth.shape:
            raise EvaluationError(
                f"expected a group for each of {truth.size} images, got shape {patients.shape}"
            )
        p_value = _clustered(won.astype(np.int64) - lost, patients[stated])
    else:
        p_value = _conditional(b, c, exact=exact)
    if images == 0:
        return McNemar(0, 0, 0, np.nan, np.nan, method)
    return McNemar(b, c, images, (b - c) / images, p_value, method)


def _conditional(b: int, c: int, *, exact: bool) -> float:
    from scipy.stats import binom

    low, both = min(b, c), b + c
    double = 2 * float(binom.cdf(low, both, 0.5))
    return min(double if exact else double - float(binom.pmf(low, both, 0.5)), 1.0)


def _clustered(gained: NDArray[np.int64], patients: NDArray[np.generic]) -> float:
    from scipy.stats import norm

    if not gained.size:
        return np.nan
    _, member = np.unique(patients, return_inverse=True)
    totals = np.bincount(member, weights=gained)
    spread = float(np.sqrt((totals**2).sum()))
    return float(2 * norm.sf(abs(totals.sum()) / spread)) if spread else 1.0
