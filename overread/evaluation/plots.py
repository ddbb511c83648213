"""The curves of one score: ROC, precision-recall, reliability, and the scores' histogram."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from overread.evaluation.curves import BAND_RATES, Histogram, PrecisionRecallCurve, Reliability, RocCurve
from overread.evaluation.plot_style import (
    ABSENT,
    ACCENT,
    FIFTHS,
    INK,
    MUTED,
    PRESENT,
    STYLE,
    mark_point,
    square,
    svg_of,
    unit_axes,
)


def roc_plot(
    curve: RocCurve, *, name: str, label: str, point: tuple[float, float] | None = None, compact: bool = False
) -> str:
    """ROC curve with its band; `point` is the operating point as (1 - specificity, sensitivity)."""
    with mpl.rc_context(STYLE):
        figure, axes = square(compact)
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, linestyle=(0, (3, 3)))
        if curve.band_low:
            axes.fill_between(
                BAND_RATES, curve.band_low, curve.band_high, color=ACCENT, alpha=0.16, linewidth=0
            )
        axes.plot(curve.false_positive_rate, curve.sensitivity, color=ACCENT, clip_on=False, zorder=3)
        mark_point(axes, point, compact=compact)
        unit_axes(axes, "1 − specificity (false-positive rate)", "sensitivity", compact=compact)
        return svg_of(figure, name=name, label=label)


def precision_recall_plot(
    curve: PrecisionRecallCurve,
    *,
    name: str,
    label: str,
    prevalence: float,
    point: tuple[float, float] | None = None,
) -> str:
    """Precision-recall curve over its baseline; `point` is the operating point as (recall, precision)."""
    with mpl.rc_context(STYLE):
        figure, axes = square(False)
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
        mark_point(axes, point, compact=False)
        unit_axes(axes, "sensitivity (recall)", "positive predictive value (precision)", compact=False)
        return svg_of(figure, name=name, label=label)


def reliability_plot(curve: Reliability, *, name: str, label: str, compact: bool = False) -> str:
    """Share of positives against mean score, a dot a bin with its interval, over the images a bin."""
    with mpl.rc_context(STYLE):
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
        unit_axes(axes, "", "share with the finding", compact=compact)
        ticks = [0, 0.5, 1] if compact else FIFTHS
        counts.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        if not compact:
            counts.set_xlabel("score")
            counts.set_ylabel("images")
        return svg_of(figure, name=name, label=label)


def histogram_plot(
    curve: Histogram, *, name: str, label: str, threshold: float, names: tuple[str, str]
) -> str:
    """Scores of the images with and without the finding, mirrored; `names` of the two truths."""
    with mpl.rc_context(STYLE):
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
        bottom.set_xticks(FIFTHS, [f"{tick:g}" for tick in FIFTHS])
        bottom.set_xlabel("score")
        figure.supylabel("images", fontsize=8.5, color=MUTED)
        return svg_of(figure, name=name, label=label)
