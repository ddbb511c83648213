"""What a decision curve says, in words: for whom the reader is worth more than everyone or nobody."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from overread.evaluation import wording
from overread.evaluation.clinical import NetBenefit

_PER = 1000
_LEAST = 1e-12


@dataclass(frozen=True)
class BestRange:
    """Threshold probabilities, both within, at which the reader's net benefit is the highest of the three.

    `sure` is the part of them where the lower bound of its band is the highest too; None where it never is.
    """

    low: float
    high: float
    sure: tuple[float, float] | None


def best_range(curve: NetBenefit) -> BestRange | None:
    """The run of thresholds where acting on the reader gains most over everyone and nobody; None without."""
    at = np.asarray(curve.threshold)
    other = np.maximum(np.asarray(curve.everyone), 0.0)
    found = _richest(np.asarray(curve.reader) - other)
    if found is None:
        return None
    low, high = found
    sure = None
    if curve.low:
        certain = _richest((np.asarray(curve.low) - other)[low : high + 1])
        sure = None if certain is None else (float(at[low + certain[0]]), float(at[low + certain[1]]))
    return BestRange(float(at[low]), float(at[high]), sure)


def decision_sentence(curve: NetBenefit, *, one: str) -> str:
    """The decision curve in one sentence for a physician; `one` is "malignant image"."""
    found = best_range(curve)
    if found is None:
        return (
            "At no threshold does acting on this reader gain more than examining everyone or nobody: "
            "on these images it helps no decision."
        )
    return (
        "Acting on this reader gains more than examining everyone and more than examining nobody, for "
        f"whoever would examine {_one_in(found)} to find one {one} "
        f"(thresholds {_percent(found.low)} to {_percent(found.high)})."
    )


def certainty_sentence(curve: NetBenefit, *, level: float) -> str:
    """How far the band bears that out; "" where there is no band."""
    found = best_range(curve)
    if found is None or not curve.low:
        return ""
    if found.sure is None:
        return f"Its {wording.percent(level)} band does not lie above both at any threshold."
    low, high = found.sure
    return (
        f"From {_percent(low)} to {_percent(high)} the whole {wording.percent(level)} band lies above both."
    )


def example_sentence(curve: NetBenefit) -> str:
    """What the curve's height means at one threshold inside the range; "" without a range."""
    found = best_range(curve)
    if found is None:
        return ""
    at = np.asarray(curve.threshold)
    k = int(np.argmin(np.abs(np.log(at) - (np.log(found.low) + np.log(found.high)) / 2)))
    reader, everyone = _PER * curve.reader[k], _PER * curve.everyone[k]
    return (
        f"At {_percent(float(at[k]))}, in {_PER:,} images it is worth {reader:.0f} found without one false "
        f"alarm; examining everyone is worth {wording.minus(f'{everyone:.0f}')}, examining nobody 0."
    )


def _richest(gain: NDArray[np.float64]) -> tuple[int, int] | None:
    """First and last place of the run of gains above 0 that sums to most; of equal ones the first."""
    flags = gain > _LEAST
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    if not edges.size:
        return None
    starts, stops = edges[::2], edges[1::2]
    sums = [float(gain[start:stop].sum()) for start, stop in zip(starts, stops, strict=True)]
    k = int(np.argmax(sums))
    return int(starts[k]), int(stops[k]) - 1


def _one_in(found: BestRange) -> str:
    """How many one would examine to find one, over the range."""
    few, many = max(1, round(1 / found.high)), round(1 / found.low)
    return f"about {wording.count(few, 'image')}" if few == many else f"between {few} and {many} images"


def _percent(share: float) -> str:
    return f"{100 * share:.3g}\N{NARROW NO-BREAK SPACE}%"
