"""One figure with its interval: what evaluation.json is made of."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from overread.evaluation.curves import Number

NAN = float("nan")
Method = Literal["bootstrap", "exact", "delong", "none"]


class Part(BaseModel):
    """What evaluation.json is made of: frozen, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(Part):
    """One figure with its interval; what is undefined is NaN here and null in JSON.

    Args:
        value: The figure on the test images.
        low: Lower bound of its interval.
        high: Upper bound.
        undefined: Resamples in which the figure was undefined (left out of the interval).
        method: "bootstrap" (patient-clustered, percentile); "exact" (Clopper-Pearson over patients, used
            where a proportion is 0 or 1 and resampling would pretend to certainty); "delong" (clustered by
            patient, without resampling); "none".
        baseline: What a reader gets that gives every image the prevalence as its score.
    """

    value: Number
    low: Number = NAN
    high: Number = NAN
    undefined: int = 0
    method: Method = "bootstrap"
    baseline: Number = NAN
