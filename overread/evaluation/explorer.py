"""What moving the operating point changes: of 1,000 patients, found, missed and called for nothing.

Sensitivity and specificity are those of the test images; a prevalence of one's own turns them into whole
patients. The page's script (`templates/explorer.js`) counts exactly as `of_thousand` does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

import numpy as np

from overread.evaluation.scores import Score

RAREST, COMMONEST = 0.001, 0.5
"""The prevalences between which the page's slider moves."""
_MOST_STOPS = 240
_TARGETS = (0.99, 0.95, 0.9, 0.8, 0.7, 0.5)
_TABLE_ROWS = 5


@dataclass(frozen=True)
class Stop:
    """One threshold, and what the reader reaches there on the test images."""

    threshold: float
    sensitivity: float
    specificity: float


@dataclass(frozen=True)
class Dial:
    """The thresholds of one score, rising.

    Attributes:
        name: Of the finding.
        prevalence: Of the test images, within what the slider can show.
        stops: From where all are called to where none is.
        chosen: Place of the bundle's operating point among them; None where it has none.
    """

    name: str
    prevalence: float
    stops: tuple[Stop, ...]
    chosen: int | None


@dataclass(frozen=True)
class Thousand:
    """What becomes of 1,000 patients with one image each.

    Attributes:
        present: Have the finding.
        found: Of those, called.
        missed: Of those, not called.
        alarms: Called without it.
        passed: Not called, and without it.
        ppv: Share with the finding, of those called; NaN where nobody is called.
        npv: Share without it, of those not called; NaN where everybody is called.
        calls: How many are called to find one; NaN where none is found.
    """

    present: int
    found: int
    missed: int
    alarms: int
    passed: int
    ppv: float
    npv: float
    calls: float


def of_thousand(sensitivity: float, specificity: float, *, prevalence: float) -> Thousand:
    """Count 1,000 patients. The counts are whole and sum to 1,000; the shares are not rounded.

    Example:
        >>> of_thousand(0.9, 0.8, prevalence=0.05)
        Thousand(present=50, found=45, missed=5, alarms=190, passed=760, ppv=..., npv=..., calls=...)
    """
    present = floor(1000 * prevalence + 0.5)
    found = floor(present * sensitivity + 0.5)
    alarms = floor((1000 - present) * (1 - specificity) + 0.5)
    hits, false = prevalence * sensitivity, (1 - prevalence) * (1 - specificity)
    losses, rests = prevalence * (1 - sensitivity), (1 - prevalence) * specificity
    return Thousand(
        present=present,
        found=found,
        missed=present - found,
        alarms=alarms,
        passed=1000 - present - alarms,
        ppv=hits / (hits + false) if hits + false > 0 else np.nan,
        npv=rests / (losses + rests) if losses + rests > 0 else np.nan,
        calls=(hits + false) / hits if hits > 0 else np.nan,
    )


def dial_of(score: Score) -> Dial | None:
    """The thresholds of a score; None where its sensitivity or specificity is undefined."""
    sweep = score.clinical.sweep
    rows = zip(sweep.threshold, sweep.sensitivity, sweep.specificity, strict=True)
    stops = _distinct([Stop(*row) for row in rows if not np.isnan(row).any()])
    if len(stops) < 2:
        return None
    stops = [stops[k] for k in np.unique(np.linspace(0, len(stops) - 1, _MOST_STOPS).round().astype(int))]
    stops, chosen = _with_operating_point(stops, score)
    prevalence = min(max(score.prevalence, RAREST), COMMONEST)
    return Dial(score.name, prevalence, tuple(stops), chosen)


def five_thresholds(dial: Dial) -> tuple[tuple[Stop, Thousand, bool], ...]:
    """The table that stands where no script runs: (threshold, 1,000 patients, whether it is the bundle's).

    Beside the operating point, the highest thresholds that keep a sensitivity of 99, 95, 90, 80 … in 100.
    """
    places = [] if dial.chosen is None else [dial.chosen]
    for target in _TARGETS:
        kept = [k for k, stop in enumerate(dial.stops) if stop.sensitivity >= target]
        if kept and len(places) < _TABLE_ROWS and not _told(dial, kept[-1], places):
            places.append(kept[-1])
    return tuple(
        (
            dial.stops[k],
            of_thousand(dial.stops[k].sensitivity, dial.stops[k].specificity, prevalence=dial.prevalence),
            k == dial.chosen,
        )
        for k in sorted(places)
    )


def explorer_data(dials: Sequence[Dial]) -> str:
    """What the script reads: JSON that cannot close the element that it stands in."""
    told = [
        {
            "name": dial.name,
            "prevalence": round(dial.prevalence, 6),
            "chosen": dial.chosen,
            "stops": [
                [_short(stop.threshold), round(stop.sensitivity, 6), round(stop.specificity, 6)]
                for stop in dial.stops
            ],
        }
        for dial in dials
    ]
    text = json.dumps(told, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _short(threshold: float) -> float:
    return float(f"{threshold:.9g}") if np.isfinite(threshold) else float(threshold > 0)


def _distinct(stops: Sequence[Stop]) -> list[Stop]:
    """Without thresholds that decide as the one before does."""
    kept: list[Stop] = []
    for stop in sorted(stops, key=lambda one: one.threshold):
        if not kept or (stop.sensitivity, stop.specificity) != (kept[-1].sensitivity, kept[-1].specificity):
            kept.append(stop)
    return kept


def _with_operating_point(stops: list[Stop], score: Score) -> tuple[list[Stop], int | None]:
    """The stops with the bundle's threshold among them, and its place."""
    rates = [score.figures[name].value for name in ("sensitivity", "specificity") if name in score.figures]
    if np.isnan(score.threshold) or len(rates) < 2 or np.isnan(rates).any():
        return stops, None
    own = Stop(score.threshold, *rates)
    others = [one for one in stops if one.threshold != own.threshold]
    merged = sorted([*others, own], key=lambda one: one.threshold)
    return merged, merged.index(own)


def _told(dial: Dial, place: int, places: Sequence[int]) -> bool:
    """Whether the table already has a threshold that decides as this one does."""
    rates = (dial.stops[place].sensitivity, dial.stops[place].specificity)
    return any((dial.stops[k].sensitivity, dial.stops[k].specificity) == rates for k in places)
