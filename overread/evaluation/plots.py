"""The report's figures as inline SVG whose colours are the page's CSS variables.

Text stays text (selectable, in the page's font); the same data give the same bytes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from overread.evaluation.curves import BAND_RATES, Histogram, PrecisionRecallCurve, Reliability, RocCurve
from overread.evaluation.results import HistoryRow

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
_STYLE: Any = {
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
_FIFTHS = np.linspace(0, 1, 6)


def roc_plot(
    curve: RocCurve, *, name: str, label: str, point: tuple[float, float] | None = None, compact: bool = False
) -> str:
    """ROC curve with its band; `point` is the operating point as (1 - specificity, sensitivity)."""
    with mpl.rc_context(_STYLE):
        figure, axes = _square(compact)
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, linestyle=(0, (3, 3)))
        if curve.band_low:
            axes.fill_between(
                BAND_RATES, curve.band_low, curve.band_high, color=ACCENT, alpha=0.16, linewidth=0
            )
        axes.plot(curve.false_positive_rate, curve.sensitivity, color=ACCENT, clip_on=False, zorder=3)
        _mark(axes, point, compact=compact)
        _unit_axes(axes, "1 − specificity (false-positive rate)", "sensitivity", compact=compact)
        return _svg(figure, name=name, label=label)


def precision_recall_plot(
    curve: PrecisionRecallCurve,
    *,
    name: str,
    label: str,
    prevalence: float,
    point: tuple[float, float] | None = None,
) -> str:
    """Precision-recall curve over its baseline; `point` is the operating point as (recall, precision)."""
    with mpl.rc_context(_STYLE):
        figure, axes = _square(False)
        if not np.isnan(prevalence):
            axes.axhline(prevalence, color=MUTED, linewidth=0.9, linestyle=(0, (3, 3)))
            # Where the line is close to the top the words go below it.
            below = prevalence > 0.85
            axes.annotate(
                f"prevalence {prevalence:.2f}",
                (0.0, prevalence),
                xytext=(4, -5 if below else 4),
                textcoords="offset points",
                va="top" if below else "bottom",
                color=MUTED,
                fontsize=7.5,
            )
        recall, precision = np.asarray(curve.recall), np.asarray(curve.precision)
        if recall.size:
            axes.step(
                np.append(0.0, recall), np.append(precision[:1], precision), where="pre", color=ACCENT,
                clip_on=False, zorder=3,
            )  # fmt: skip
        _mark(axes, point, compact=False)
        _unit_axes(axes, "sensitivity (recall)", "positive predictive value (precision)", compact=False)
        return _svg(figure, name=name, label=label)


def reliability_plot(curve: Reliability, *, name: str, label: str, compact: bool = False) -> str:
    """Share of positives against mean score, a dot a bin with its interval, over the images a bin."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(2.5, 2.75) if compact else (4.4, 4.4), layout="constrained")
        axes, counts = figure.subplots(2, 1, sharex=True, height_ratios=(4.2, 1))
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, linestyle=(0, (3, 3)))
        n = np.asarray(curve.count)
        x, y = np.asarray(curve.mean_score), np.asarray(curve.observed)
        some = n > 0
        low, high = np.asarray(curve.low), np.asarray(curve.high)
        axes.vlines(x[some], low[some], high[some], color=ACCENT, linewidth=1.1, alpha=0.55)
        axes.plot(
            x[some], y[some], "o-", color=ACCENT, linewidth=1.0, markersize=3 if compact else 5, clip_on=False
        )
        edges = np.asarray(curve.edges)
        counts.bar(edges[:-1], n, np.diff(edges), align="edge", color=ACCENT, alpha=0.35, linewidth=0)
        if not compact:
            for left, width, count in zip(edges[:-1], np.diff(edges), n, strict=True):
                if count:
                    counts.annotate(
                        f"{count}", (left + width / 2, count), xytext=(0, 2), textcoords="offset points",
                        ha="center", va="bottom", fontsize=7, color=MUTED,
                    )  # fmt: skip
        counts.set_ylim(0, max(1, n.max(initial=0)) * 1.45)
        counts.set_yticks([])
        counts.grid(visible=False)
        counts.spines["left"].set_visible(False)
        _unit_axes(axes, "", "share with the finding", compact=compact)
        ticks = [0, 0.5, 1] if compact else _FIFTHS
        counts.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        if not compact:
            counts.set_xlabel("score")
            counts.set_ylabel("images")
        return _svg(figure, name=name, label=label)


def histogram_plot(
    curve: Histogram, *, name: str, label: str, threshold: float, names: tuple[str, str]
) -> str:
    """Scores of the images with and without the finding, mirrored; `names` of the two truths."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(4.4, 4.4), layout="constrained")
        top, bottom = figure.subplots(2, 1, sharex=True)
        edges = np.asarray(curve.edges)
        sides = ((top, curve.positives, PRESENT), (bottom, curve.negatives, ABSENT))
        for (axes, values, colour), words in zip(sides, names, strict=True):
            counts = np.asarray(values)
            axes.bar(edges[:-1], counts, np.diff(edges) * 0.9, align="edge", color=colour, linewidth=0)
            axes.grid(visible=False, axis="x")
            axes.set_ylim(0, max(1, counts.max(initial=0)) * 1.12)
            axes.locator_params(axis="y", nbins=4, integer=True)
            axes.set_title(f"{words} ({counts.sum()})", loc="left", fontsize=8.5, color=INK, pad=7)
            if not np.isnan(threshold):
                axes.axvline(threshold, color=INK, linewidth=1.0, linestyle=(0, (4, 2)))
        if not np.isnan(threshold):
            right = threshold < 0.6
            top.annotate(
                f"threshold {threshold:.3g}", (threshold, 0.96), xycoords=("data", "axes fraction"),
                xytext=(4 if right else -4, 0), textcoords="offset points", ha="left" if right else "right",
                va="top", fontsize=7.5, color=INK,
            )  # fmt: skip
        bottom.set_xlim(0, 1)
        bottom.set_xticks(_FIFTHS, [f"{tick:g}" for tick in _FIFTHS])
        bottom.set_xlabel("score")
        figure.supylabel("images", fontsize=8.5, color=MUTED)
        return _svg(figure, name=name, label=label)


def loss_plot(history: Sequence[HistoryRow], *, name: str, label: str) -> str:
    """Loss on train (dotted) and tune by epoch, the kept epoch ringed."""
    train, tune = [row.train_loss for row in history], [row.tune_loss for row in history]
    return _by_epoch(history, [(train, MUTED, True), (tune, ACCENT, False)], name=name, label=label)


def tune_auc_plot(history: Sequence[HistoryRow], *, name: str, label: str) -> str:
    """ROC-AUC on tune by epoch, the kept epoch ringed."""
    values = [row.tune_auc for row in history]
    return _by_epoch(history, [(values, ACCENT, False)], name=name, label=label)


def _by_epoch(
    history: Sequence[HistoryRow], lines: Sequence[tuple[list[float], str, bool]], *, name: str, label: str
) -> str:
    """Lines (values, colour, dotted) over all epochs, broken between phases; the ring goes on the last."""
    phases = [row.phase for row in history]
    starts = [k for k in range(len(phases)) if k == 0 or phases[k] != phases[k - 1]]
    steps = np.arange(1, len(history) + 1)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(4.4, 3.1), layout="constrained")
        axes = figure.subplots()
        for start, stop in zip(starts, [*starts[1:], len(history)], strict=True):
            for values, colour, dotted in lines:
                axes.plot(
                    steps[start:stop],
                    values[start:stop],
                    color=colour,
                    linestyle=(0, (1, 1.6)) if dotted else "-",
                    marker="o" if stop - start == 1 else None,
                    markersize=4,
                    linewidth=1.6,
                )
            if start:
                axes.axvline(start + 0.5, color=MUTED, linewidth=0.8)
            if len(starts) > 1:
                axes.annotate(
                    phases[start], (start + 0.5, 1.0), xycoords=("data", "axes fraction"), xytext=(3, 4),
                    textcoords="offset points", fontsize=8, color=MUTED,
                )  # fmt: skip
        ringed = [k for k, row in enumerate(history) if row.kept and not np.isnan(lines[-1][0][k])]
        axes.plot(
            steps[ringed], [lines[-1][0][k] for k in ringed], "o", markersize=9, markerfacecolor="none",
            markeredgecolor=PRESENT, markeredgewidth=1.8, clip_on=False, zorder=5,
        )  # fmt: skip
        axes.set_xlabel("epoch")
        axes.locator_params(axis="x", integer=True, nbins=8)
        axes.locator_params(axis="y", nbins=5)
        axes.set_xlim(0.5, len(history) + 0.5)
        return _svg(figure, name=name, label=label)


def _square(compact: bool) -> tuple[Figure, Any]:
    figure = Figure(figsize=(2.5, 2.5) if compact else (4.4, 4.4), layout="constrained")
    axes = figure.subplots()
    axes.set_aspect("equal")
    return figure, axes


def _unit_axes(axes: Any, x: str, y: str, *, compact: bool) -> None:
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    ticks = [0, 0.5, 1] if compact else _FIFTHS
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    if not compact:
        axes.set_xlabel(x)
        axes.set_ylabel(y)


def _mark(axes: Any, point: tuple[float, float] | None, *, compact: bool) -> None:
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


def _svg(figure: Figure, *, name: str, label: str) -> str:
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
