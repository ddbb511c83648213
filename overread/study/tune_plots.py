"""Drawings of a search: how it went, what mattered, and each key by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from overread.evaluation.plot_style import ACCENT, INK, MUTED, PAPER, PRESENT, STYLE, svg_of

_WIDEST_NAME = 18


def history_plot(
    values: Sequence[float], *, baseline: float, error: float, best: int, metric: str, sign: float
) -> str:
    """Each trial as a dot over the best so far; the band is one standard error of the best.

    Args:
        values: Of the trials from 1 on; NaN: it failed.
        baseline: Of the study as it is.
        error: Standard error of the best.
        best: Its number; 0 is the study as it is.
        metric: Name of the axis.
        sign: 1 where more is better, -1 where less is.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.2, 3.9), layout="constrained")
        axes = figure.subplots()
        tried = np.asarray(values, np.float64)
        numbers = np.arange(1, len(tried) + 1)
        leading = values[best - 1] if best else baseline
        if not np.isnan(error):
            axes.axhspan(leading - error, leading + error, color=ACCENT, alpha=0.1, linewidth=0)
        if not np.isnan(baseline):
            axes.axhline(baseline, color=MUTED, linewidth=0.9, linestyle=(0, (3, 3)))
            axes.annotate(
                "the study as it is", (1.0, baseline), xycoords=("axes fraction", "data"), xytext=(-2, 3),
                textcoords="offset points", ha="right", color=MUTED, fontsize=7.5,
            )  # fmt: skip
        so_far = sign * np.fmax.accumulate(np.append(sign * baseline, sign * tried))[1:]
        axes.step(numbers, so_far, where="post", color=ACCENT)
        axes.plot(numbers, tried, "o", markersize=4.5, color=MUTED, alpha=0.75, markeredgewidth=0)
        if best:
            axes.plot(
                [best], [leading], "o", markersize=8, color=PRESENT, markeredgecolor=PAPER,
                markeredgewidth=1.2, zorder=5,
            )  # fmt: skip
        failed = numbers[np.isnan(tried)]
        axes.plot(
            failed, np.zeros(len(failed)), "x", color=PRESENT, markersize=5,
            transform=axes.get_xaxis_transform(), clip_on=False,
        )  # fmt: skip
        axes.set_xlabel("trial")
        axes.set_ylabel(metric)
        axes.set_xlim(0.4, max(len(tried), 1) + 0.6)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        return svg_of(figure, name="history", label=f"{metric} of each trial, and the best so far")


def importance_plot(shares: Sequence[tuple[str, float]]) -> str:
    """Bars, the most important key first."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.4, 0.8 + 0.34 * len(shares)), layout="constrained")
        axes = figure.subplots()
        names = [name for name, _ in shares][::-1]
        values = [value for _, value in shares][::-1]
        axes.barh(names, values, color=ACCENT, height=0.55)
        for row, value in enumerate(values):
            axes.annotate(
                f"{value:.0%}",
                (value, row),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                color=INK,
            )
        axes.grid(visible=False)
        axes.set_xlim(0, max(1e-9, *values) * 1.15)
        axes.set_xticks([])
        axes.tick_params(axis="y", labelcolor=INK)
        axes.spines["bottom"].set_visible(False)
        return svg_of(figure, name="importance", label="share of the variation that each key explains")


def slice_plot(
    key: str, drawn: Sequence[Any], values: Sequence[float], *, log: bool, best: int | None
) -> str:
    """The metric over one key, a dot a trial.

    Args:
        key: Of the study.
        drawn: Its value in each trial.
        values: The metric; NaN: it failed.
        log: Whether the key was drawn on a logarithmic scale.
        best: The place of the best trial among them; None: it is not.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2.9, 2.5), layout="constrained")
        axes = figure.subplots()
        numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in drawn)
        levels = sorted({str(one) for one in drawn})
        chosen = len(levels) <= 6 or not numbers
        places = np.array([levels.index(str(one)) if chosen else float(one) for one in drawn], np.float64)
        if chosen:
            # Dots of one choice stand beside each other, in the order of the trials.
            places = places + np.linspace(-0.22, 0.22, len(places)) if len(places) > 1 else places
            turned = max(map(len, levels)) * len(levels) > _WIDEST_NAME
            axes.set_xticks(
                range(len(levels)), levels, rotation=35 if turned else 0, ha="right" if turned else "center",
                rotation_mode="anchor" if turned else "default",
            )  # fmt: skip
            axes.set_xlim(-0.6, len(levels) - 0.4)
        elif log:
            axes.set_xscale("log")
        axes.plot(places, values, "o", markersize=4, color=ACCENT, alpha=0.65, markeredgewidth=0)
        if best is not None:
            axes.plot(
                [places[best]], [values[best]], "o", markersize=7, color=PRESENT, markeredgecolor=PAPER,
                markeredgewidth=1.2, zorder=5,
            )  # fmt: skip
        return svg_of(figure, name="slice-" + key.replace(".", "-"), label=f"the metric over {key}")
