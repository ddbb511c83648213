"""Curves over time and over data: loss and AUC by epoch, and what more patients would bring."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from overread.evaluation.clinical import LearningPoint
from overread.evaluation.plot_style import ACCENT, MUTED, PRESENT, STYLE, svg_of
from overread.evaluation.results import HistoryRow


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
    with mpl.rc_context(STYLE):
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
        return svg_of(figure, name=name, label=label)


def learning_plot(points: Sequence[LearningPoint], *, name: str, label: str) -> str:
    """AUC on patients left out over the patients learnt from, with the range over draws."""
    known = [point for point in points if not np.isnan(point.auc)]
    patients = [point.patients for point in known]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.4, 3.1), layout="constrained")
        axes = figure.subplots()
        axes.fill_between(
            patients,
            [point.low for point in known],
            [point.high for point in known],
            color=ACCENT,
            alpha=0.16,
            linewidth=0,
        )
        axes.plot(patients, [point.auc for point in known], "o-", color=ACCENT, markersize=4.5, linewidth=1.6)
        axes.set_xlabel("patients learnt from")
        axes.set_ylabel("ROC-AUC")
        axes.set_xlim(0, max(patients, default=1) * 1.05)
        axes.set_xticks(patients, [f"{count:,}" for count in patients])
        axes.locator_params(axis="y", nbins=5)
        return svg_of(figure, name=name, label=label)
