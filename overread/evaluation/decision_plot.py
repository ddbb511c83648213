"""The decision curve: net benefit of the reader, of examining everyone, and of examining nobody."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from overread.evaluation.clinical import NetBenefit
from overread.evaluation.decision_reading import best_range
from overread.evaluation.plot_style import ABSENT, ACCENT, INK, MUTED, STYLE, svg_of

PER = 1000
"""Images that the drawn net benefit is per."""


def net_benefit_plot(
    curve: NetBenefit, *, name: str, label: str, threshold: float = float("nan"), compact: bool = False
) -> str:
    """Net benefit per 1,000 images over threshold probabilities, as far as there is any.

    Args:
        curve: Of one score.
        name: Of the drawing, for its ids.
        label: For those who hear the page.
        threshold: The bundle's operating point; NaN where it has none.
        compact: Small, without words.
    """
    at, reader = np.asarray(curve.threshold), PER * np.asarray(curve.reader)
    everyone = PER * np.asarray(curve.everyone)
    stop = shown_until(curve)
    top = 1.15 * max(1.0, float(np.nanmax(np.concatenate([reader, everyone]), initial=0.0)))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2.5, 2.5) if compact else (6.6, 3.9), layout="constrained")
        axes = figure.subplots()
        axes.axhline(0, color=MUTED, linewidth=1.0)
        if curve.low:
            low, high = PER * np.asarray(curve.low), PER * np.asarray(curve.high)
            axes.fill_between(at, low, high, color=ACCENT, alpha=0.16, linewidth=0)
        axes.plot(at, everyone, color=ABSENT, linewidth=1.4, linestyle=(0, (4, 2)))
        axes.plot(at, reader, color=ACCENT, zorder=3)
        if 0 < threshold < stop:
            axes.axvline(threshold, color=INK, linewidth=0.9, linestyle=(0, (1, 2)))
        axes.set_xlim(0, stop)
        axes.set_ylim(-0.12 * top, top)
        axes.locator_params(axis="y", nbins=3 if compact else 5)
        ticks = np.linspace(0, stop, 3 if compact else 6)
        axes.set_xticks(ticks, [f"{100 * tick:.3g}\N{NARROW NO-BREAK SPACE}%" for tick in ticks])
        if not compact:
            _name_lines(axes, at, reader=reader, everyone=everyone, stop=stop, top=top)
            if 0 < threshold < stop:
                right = threshold < 0.75 * stop
                axes.annotate(
                    "operating point", (threshold, 1.0), xycoords=("data", "axes fraction"),
                    xytext=(4 if right else -4, -2), textcoords="offset points", va="top",
                    ha="left" if right else "right", fontsize=7.5, color=INK,
                )  # fmt: skip
            axes.set_xlabel("threshold probability: above it one would examine")
            axes.set_ylabel(f"net benefit per {PER:,} images")
        return svg_of(figure, name=name, label=label)


def shown_until(curve: NetBenefit) -> float:
    """The threshold probability at which to stop drawing: there is nothing to gain beyond it."""
    at, reader = np.asarray(curve.threshold), np.nan_to_num(np.asarray(curve.reader))
    spent = np.flatnonzero(reader <= 0.02 * reader.max(initial=0.0))
    found = best_range(curve)
    last = max(float(at[spent[0]]) if spent.size else 1.0, found.high if found else 0.0)
    return float(min(1.0, max(0.1, np.ceil(10.5 * last) / 10)))


def _name_lines(
    axes: Any,
    at: NDArray[np.float64],
    *,
    reader: NDArray[np.float64],
    everyone: NDArray[np.float64],
    stop: float,
    top: float,
) -> None:
    """Each line's name where it lies alone."""
    shown = (at <= stop) & ~np.isnan(reader)
    if not shown.any():
        return
    k = int(np.argmin(np.abs(at[shown] - 0.55 * stop)))
    place: Any = {"textcoords": "offset points", "fontsize": 8}
    # Clear of the line over the width of the words.
    beside = shown & (at >= at[shown][k]) & (at <= at[shown][k] + 0.18 * stop)
    axes.annotate(
        "this reader",
        (at[shown][k], np.nanmax(reader[beside])),
        xytext=(6, 7),
        color=ACCENT,
        va="bottom",
        **place,
    )
    axes.annotate("nobody", (stop, 0), xytext=(-2, -3), color=MUTED, va="top", ha="right", **place)
    low = np.flatnonzero(shown & (everyone < 0.3 * top))
    if low.size:
        at_line = (at[low[0]], max(everyone[low[0]], 0.02 * top))
        axes.annotate("everyone", at_line, xytext=(-6, -2), color=ABSENT, va="top", ha="right", **place)
