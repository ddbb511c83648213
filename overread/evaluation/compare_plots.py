"""ROC curves of several readers in one drawing."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl

from overread.evaluation.curves import RocCurve
from overread.evaluation.plot_style import ABSENT, ACCENT, MUTED, PRESENT, STYLE, square, svg_of, unit_axes

_COLOURS = (ACCENT, PRESENT, ABSENT)
_DASHES: tuple[tuple[int, tuple[float, ...]], ...] = (
    (0, ()),
    (0, (5, 2)),
    (0, (1.4, 1.6)),
    (0, (6, 2, 1.4, 2)),
)
_TONES = ("accent", "present", "absent")


def line_style(index: int) -> tuple[str, str]:
    """How the page's key shows a reader's line: a colour variable and SVG dashes; twelve differ."""
    dashes = _DASHES[index // len(_COLOURS) % len(_DASHES)][1]
    return f"--{_TONES[index % len(_TONES)]}", " ".join(f"{part * 1.8:g}" for part in dashes)


def roc_overlay(
    curves: Sequence[RocCurve],
    *,
    points: Sequence[tuple[float, float] | None],
    name: str,
    label: str,
    compact: bool = False,
) -> str:
    """ROC curves in one square, each with its operating point (1 - specificity, sensitivity).

    Args:
        curves: One a reader; an empty one is left out.
        points: One a reader, None where it has no threshold.
        name: Start of every id in the drawing.
        label: What it shows, for those who do not see it.
        compact: Small and without axis titles.
    """
    with mpl.rc_context(STYLE):
        figure, axes = square(compact)
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, linestyle=(0, (3, 3)))
        for index, (curve, point) in enumerate(zip(curves, points, strict=True)):
            colour, dashes = _COLOURS[index % len(_COLOURS)], _DASHES[index // len(_COLOURS) % len(_DASHES)]
            if curve.sensitivity:
                axes.plot(
                    curve.false_positive_rate, curve.sensitivity, color=colour, linestyle=dashes,
                    clip_on=False, zorder=3,
                )  # fmt: skip
            if point is not None:
                axes.plot(
                    [point[0]], [point[1]], "o", color=colour, markersize=4 if compact else 7,
                    clip_on=False, zorder=4,
                )  # fmt: skip
        unit_axes(axes, "1 − specificity (false-positive rate)", "sensitivity", compact=compact)
        return svg_of(figure, name=name, label=label)
