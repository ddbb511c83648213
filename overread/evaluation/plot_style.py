"""How every plot of a page is drawn: as inline SVG whose colours are the page's CSS variables.

Text stays text (selectable, in the page's font); the same data give the same bytes.
"""

from __future__ import annotations

import io
import re
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

# Drawn in stand-in colours, which become CSS variables: light, dark and print share one drawing.
INK, MUTED, LINE, PAPER = "#010101", "#020202", "#030303", "#040404"
ACCENT, PRESENT, ABSENT = "#050505", "#060606", "#070707"
_VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    LINE: "--line",
    PAPER: "--surface",
    ACCENT: "--accent",
    PRESENT: "--present",
    ABSENT: "--absent",
}
STYLE: Any = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": False,
    "axes.labelpad": 6,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "text.color": INK,
    "lines.linewidth": 1.8,
    "lines.solid_joinstyle": "round",
}
FIFTHS = np.linspace(0, 1, 6)


def square(compact: bool) -> tuple[Figure, Any]:
    """A figure with one square plot."""
    figure = Figure(figsize=(2.5, 2.5) if compact else (4.4, 4.4), layout="constrained")
    axes = figure.subplots()
    axes.set_aspect("equal")
    return figure, axes


def unit_axes(axes: Any, x: str, y: str, *, compact: bool) -> None:
    """Both axes over 0..1, with their names where there is room."""
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    ticks = [0, 0.5, 1] if compact else FIFTHS
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    if not compact:
        axes.set_xlabel(x)
        axes.set_ylabel(y)


def mark_point(axes: Any, point: tuple[float, float] | None, *, compact: bool) -> None:
    """The operating point, where there is one."""
    if point is None or np.isnan(point).any():
        return
    axes.plot(
        [point[0]], [point[1]], "o", markersize=5 if compact else 8, color=PRESENT, markeredgecolor=PAPER,
        markeredgewidth=1.2, clip_on=False, zorder=5,
    )  # fmt: skip
    if not compact:
        left = point[0] > 0.6
        axes.annotate(
            "operating point", point, xytext=(-9 if left else 9, -9), textcoords="offset points", va="top",
            ha="right" if left else "left", fontsize=8, color=INK,
        )  # fmt: skip


def svg_of(figure: Figure, *, name: str, label: str) -> str:
    """Inline SVG with stable ids that no other figure of the page has."""
    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        FigureCanvasSVG(figure)
        figure.savefig(
            buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Type": None}
        )
    text = buffer.getvalue()
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    # matplotlib's own style sheet speaks to `*`: inline, that would be the whole page.
    text = re.sub(r"<style[^>]*>.*?</style>", "", text, flags=re.S)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    text = re.sub(r'xlink:href="#', f'href="#{name}-', text)
    text = re.sub(r" font-family: [^;\"]*;", "", text)
    text = re.sub(r' transform="rotate\(-?0 [^"]*"', "", text)
    text = re.sub(r"\s*\n\s*", "\n", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    box = re.search(r'viewBox="[^"]*"', text)
    start = f'<svg class="plot" {box.group(0) if box else ""} role="img" aria-label="{_attribute(label)}">'
    return start + text[text.index(">") + 1 :]


def _attribute(text: str) -> str:
    for raw, safe in (("&", "&amp;"), ('"', "&quot;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(raw, safe)
    return text
