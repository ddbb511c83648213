"""Several tests at once: how small the smallest p must be."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from overread.errors import EvaluationError
from overread.evaluation.weighted import Array


def holm(p_values: ArrayLike) -> Array:
    """P values adjusted so that the chance of any false finding stays below the level, float64 [tests].

    Undefined tests (NaN) stay NaN and do not count among the tests.

    Source: Holm, Scand. J. Stat. 1979;6:65.

    Example:
        >>> holm([0.01, 0.04, 0.03, float("nan")]).round(3).tolist()
        [0.03, 0.06, 0.06, nan]
    """
    raw = np.asarray(p_values, np.float64)
    stated = ~np.isnan(raw)
    odd = raw[stated & ~((raw >= 0) & (raw <= 1))]
    if raw.ndim != 1 or odd.size:
        said = f"{odd[0]:g}" if odd.size else f"shape {raw.shape}"
        raise EvaluationError(f"expected a list of p values between 0 and 1, got {said}")
    kept = raw[stated]
    order = np.argsort(kept, kind="stable")
    steps = np.maximum.accumulate(kept[order] * np.arange(kept.size, 0, -1)) if kept.size else kept
    adjusted = np.empty(kept.size)
    adjusted[order] = np.minimum(steps, 1.0)
    out: Array = np.full(raw.shape, np.nan)
    out[stated] = adjusted
    return out
