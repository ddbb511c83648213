"""Figures of a published table on one axis, and a reader's own with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from overread.evaluation.plot_style import (
    ABSENT,
    ACCENT,
    FIFTHS,
    INK,
    LINE,
    MUTED,
    PAPER,
    PRESENT,
    STYLE,
    svg_of,
)

_TONES = {"published": ABSENT, "beside": PRESENT, "own": ACCENT}
_ROW = 0.42
_WIDTH = 4.6


@dataclass(frozen=True)
class Line:
    """One figure.

    Attributes:
        title: Whose it is.
        value: 0..1.
        low, high: Its interval; NaN without one.
        tone: "published", "beside" (on images of their own) or "own".
    """

    title: str
    value: float
    low: float
    high: float
    tone: str


def leaderboard_plot(lines: Sequence[Line], *, chance: float, name: str, label: str) -> str:
    """A row a figure, the first on top; the dashed line is `chance`.

    Args:
        lines: In their order.
        chance: What always naming one class reaches, 0..1.
        name: Start of every id in the drawing.
        label: What it shows, for those who do not see it.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(_WIDTH, 0.5 + _ROW * len(lines)), layout="constrained")
        axes = figure.subplots()
        axes.grid(visible=False, axis="y")
        axes.axvline(chance, color=MUTED, linewidth=0.9, linestyle=(0, (3, 3)))
        for at, line in enumerate(lines):
            colour = _TONES[line.tone]
            axes.plot([0, 1], [at, at], color=LINE, linewidth=0.6, zorder=1)
            if not np.isnan(line.low):
                axes.plot([line.low, line.high], [at, at], color=colour, linewidth=3, alpha=0.45, zorder=2)
            axes.plot([line.value], [at], "o", color=colour, markersize=7, zorder=3)
            weight = "bold" if line.tone == "own" else "normal"
            axes.text(
                0, at - 0.2, line.title, fontsize=8, color=INK, ha="left", va="bottom", weight=weight,
                bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.8},
            )  # fmt: skip
        axes.set_xlim(0, 1)
        axes.set_ylim(len(lines) - 0.5, -0.75)
        axes.set_xticks(FIFTHS, [f"{tick:g}" for tick in FIFTHS])
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        return svg_of(figure, name=name, label=label)
