"""The page of a comparison: readers side by side, for a physician first and then for a reviewer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from overread.evaluation import wording
from overread.evaluation.compare_wording import (
    FIGURE_NAMES,
    LESS_IS_BETTER,
    difference_interval,
    is_shown,
    leading_target,
    sentences,
)
from overread.evaluation.comparison import Comparison, PairedDecisions, PairedFigure, ReaderOnTarget
from overread.evaluation.pages import page_environment, safe, stylesheet, tidy

_MARGIN = 1.08
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True)
class ForestRow:
    """One difference.

    Attributes:
        title: The figure, or the target.
        values: "0.912 against 0.853".
        difference: Signed.
        interval: In words.
        p: After Holm; "–" where no test was made.
        shown: Whether the adjusted p is below 0.05, or without a test the interval leaves out 0.
        span: (low, value, high) in percent of the axis; None where undefined.
    """

    title: str
    values: str
    difference: str
    interval: str
    p: str
    shown: bool
    span: tuple[float, float, float] | None


@dataclass(frozen=True)
class Forest:
    """Differences on one axis, in groups.

    Attributes:
        reach: The axis goes from -reach to +reach.
        groups: (title, rows).
    """

    reach: float
    groups: tuple[tuple[str, tuple[ForestRow, ...]], ...]


def render_comparison(comparison: Comparison) -> str:
    """Write the page.

    It holds its style and drawings, loads nothing, runs no script, and is the same to the byte for the same
    comparison. No image and no patient stands in it.

    Args:
        comparison: What to show.

    Returns:
        The HTML text.
    """
    from overread.evaluation.compare_plots import line_style

    leading = leading_target(comparison)
    kinds = {one.name: one.kind for one in comparison.targets}
    environment = page_environment()
    page = environment.get_template("compare.html.jinja").render(
        style=stylesheet(environment, "report.css", "compare.css"),
        comparison=comparison,
        leading=leading,
        level=wording.percent(comparison.level),
        sentences=sentences(comparison),
        styles=[line_style(index) for index in range(len(comparison.readers))],
        areas=_areas(comparison),
        leading_forest=_leading_forest(comparison, leading),
        tables=[(one, _table(comparison, one.name)) for one in comparison.targets],
        plots=_plots(comparison),
        decisions=_decisions(comparison),
        title_of=lambda name: _title(name, kinds[name]),
        p_value=wording.p_value,
        less_is_better=[FIGURE_NAMES[name].lower() for name in FIGURE_NAMES if name in LESS_IS_BETTER],
    )
    return tidy(page)


def _title(name: str, kind: str) -> str:
    return {"finding": name, "urgent": "Urgent or not", "all": "All classes"}[kind]


def _areas(comparison: Comparison) -> Forest | None:
    """Differences of ROC areas over all pairs and targets, where there are several targets."""
    if len(comparison.targets) == 1:
        return None
    groups = []
    for pair in comparison.pairs:
        rows = [
            (_title(one.target, _kind(comparison, one.target)), one.figures["roc_auc"])
            for one in pair.targets
            if "roc_auc" in one.figures
        ]
        groups.append((f"{pair.reader} less {pair.baseline}", rows))
    return _forest(groups) if any(rows for _, rows in groups) else None


def _leading_forest(comparison: Comparison, leading: str) -> Forest:
    """Differences of every figure of the leading target that lies between 0 and 1."""
    groups = []
    for pair in comparison.pairs:
        figures = pair.on(leading).figures
        rows = [(FIGURE_NAMES[name], figures[name]) for name in FIGURE_NAMES if name in figures]
        groups.append((f"{pair.reader} less {pair.baseline}", rows))
    return _forest(groups)


def _forest(groups: Sequence[tuple[str, Sequence[tuple[str, PairedFigure]]]]) -> Forest:
    figures = [figure for _, rows in groups for _, figure in rows]
    edges = [abs(value) for one in figures for value in (one.low, one.difference, one.high)]
    most = max((value for value in edges if not np.isnan(value)), default=0.0) * _MARGIN
    reach = next((step for step in _STEPS if step >= most), float(np.ceil(most)))

    def place(value: float) -> float:
        return round(50 + 50 * value / reach, 2)

    def row(title: str, figure: PairedFigure) -> ForestRow:
        low, high = figure.low, figure.high
        if np.isnan(low):
            low = high = figure.difference
        undefined = np.isnan(figure.difference)
        return ForestRow(
            title=title,
            values=f"{wording.number(figure.reader)} against {wording.number(figure.baseline)}",
            difference=wording.signed(figure.difference),
            interval=difference_interval(figure),
            p=wording.p_value(figure.adjusted),
            shown=is_shown(figure),
            span=None if undefined else (place(low), place(figure.difference), place(high)),
        )

    return Forest(
        reach, tuple((title, tuple(row(name, figure) for name, figure in rows)) for title, rows in groups)
    )


def _table(comparison: Comparison, target: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Rows of figures: (name, [(value, interval) a reader])."""
    sides = [reader.on(target) for reader in comparison.readers]
    return [
        (
            words,
            [wording.cells(one.figures.get(name)) for one in sides],
        )
        for name, words in FIGURE_NAMES.items()
        if any(name in one.figures for one in sides)
    ]


def _plots(comparison: Comparison) -> list[tuple[str, Any]]:
    """ROC curves of all readers a target that has a score: (title, drawing)."""
    from overread.evaluation.compare_plots import roc_overlay

    drawn = []
    scored = [
        one for one in comparison.targets if any(r.on(one.name).roc.sensitivity for r in comparison.readers)
    ]
    for index, target in enumerate(scored):
        sides = [reader.on(target.name) for reader in comparison.readers]
        areas = ", ".join(
            f"{reader.name} {wording.number(side.figures['roc_auc'].value)}"
            for reader, side in zip(comparison.readers, sides, strict=True)
        )
        title = _title(target.name, target.kind)
        svg = roc_overlay(
            [one.roc for one in sides],
            points=[_point(one) for one in sides],
            name=f"roc{index}",
            label=f"ROC curves for {title}; areas: {areas}",
            compact=len(scored) > 2,
        )
        drawn.append((title, safe(svg)))
    return drawn


def _point(side: ReaderOnTarget) -> tuple[float, float] | None:
    if "sensitivity" not in side.figures:
        return None
    point = 1 - side.figures["specificity"].value, side.figures["sensitivity"].value
    return None if np.isnan(point).any() else point


def _decisions(comparison: Comparison) -> list[tuple[str, list[tuple[str, PairedDecisions]]]]:
    """McNemar's tables: (pair, [(target, result)])."""
    return [
        (
            f"{pair.reader} and {pair.baseline}",
            [
                (_title(one.target, _kind(comparison, one.target)), one.decisions)
                for one in pair.targets
                if one.decisions is not None
            ],
        )
        for pair in comparison.pairs
    ]


def _kind(comparison: Comparison, target: str) -> str:
    return next(one.kind for one in comparison.targets if one.name == target)
