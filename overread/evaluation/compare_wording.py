"""A comparison in plain words: what differs, by how much, and what that does not say."""

from __future__ import annotations

import numpy as np

from overread.evaluation.comparison import Comparison, PairedFigure, PairOnTarget, ReaderPair
from overread.evaluation.wording import count, number, p_value, percent, signed

FIGURE_NAMES = {
    "roc_auc": "ROC-AUC",
    "average_precision": "PR-AUC",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "brier": "Brier score",
    "log_loss": "Log loss",
    "calibration_error": "Calibration error",
}
"""Figures in the order in which they are shown."""
LESS_IS_BETTER = frozenset({"brier", "log_loss", "calibration_error"})
_SIGNIFICANT = 0.05


def leading_target(comparison: Comparison) -> str:
    """The target that sums the readers up: the finding, what is urgent, or all classes."""
    kinds = {one.kind: one.name for one in comparison.targets}
    if comparison.task == "multilabel":
        return kinds["all"]
    return kinds.get("urgent") or (kinds["finding"] if comparison.task == "binary" else kinds["all"])


def sentences(comparison: Comparison) -> list[str]:
    """What each pair shows on the leading target, a sentence a question."""
    name = leading_target(comparison)
    said = []
    for pair in comparison.pairs:
        on = pair.on(name)
        if _alike(on):
            said.append(
                f"'{pair.reader}' and '{pair.baseline}' give every compared image the same scores and "
                "decisions: there is no difference."
            )
            continue
        said += [*_ranking(pair, on, comparison), *_deciding(pair, on)]
    return said


def difference_interval(figure: PairedFigure, *, digits: int = 3) -> str:
    """The interval of a difference: "+0.01 to +0.08", or why there is none."""
    if np.isnan(figure.difference):
        return "undefined"
    if np.isnan(figure.low):
        return "no interval"
    return f"{signed(figure.low, digits=digits)} to {signed(figure.high, digits=digits)}"


def is_shown(figure: PairedFigure) -> bool:
    """Whether a difference is more than chance: by its adjusted test, without a test by its interval."""
    if not np.isnan(figure.adjusted):
        return figure.adjusted < _SIGNIFICANT
    return figure.low > 0 or figure.high < 0


def _alike(on: PairOnTarget) -> bool:
    bounds = [(one.difference, one.low, one.high) for one in on.figures.values()]
    return bool(bounds) and all(one == (0.0, 0.0, 0.0) for one in bounds)


def _ranking(pair: ReaderPair, on: PairOnTarget, comparison: Comparison) -> list[str]:
    # Of several classes without an urgent one the share of right answers stands for the ranking.
    name = "roc_auc" if "roc_auc" in on.figures else "accuracy"
    if name not in on.figures:
        return []
    figure, words = on.figures[name], FIGURE_NAMES[name]
    words = f"mean {words}" if name == "roc_auc" and comparison.task == "multilabel" else words
    if np.isnan(figure.difference):
        return [f"The {words} of '{pair.reader}' and '{pair.baseline}' is undefined on these images."]
    tests = _tests(figure.p_value, figure.adjusted)
    both = (
        f"{words} {number(figure.reader)} against {number(figure.baseline)}, a difference of "
        f"{signed(figure.difference)} ({percent(comparison.level)} interval "
        f"{difference_interval(figure)}{tests and ', ' + tests})"
    )
    if is_shown(figure):
        better = "better" if figure.difference > 0 else "worse"
        return [f"'{pair.reader}' does {better} than '{pair.baseline}': {both}."]
    return [
        f"No difference between '{pair.reader}' and '{pair.baseline}' is shown: {both}. What the interval "
        "holds may still be true."
    ]


def _deciding(pair: ReaderPair, on: PairOnTarget) -> list[str]:
    found = on.decisions
    if found is None or "sensitivity" not in on.figures:
        return []
    changes = [
        f"{name} {number(on.figures[name].reader)} against {number(on.figures[name].baseline)} "
        f"({signed(on.figures[name].difference)}, {difference_interval(on.figures[name])})"
        for name in ("sensitivity", "specificity")
    ]
    alone = (
        f"'{pair.reader}' alone is right on {count(found.reader_only, 'image')}, '{pair.baseline}' alone on "
        f"{found.baseline_only:,} (McNemar {_tests(found.p_value, found.adjusted) or 'undefined'})"
    )
    return [f"Each at its own operating point: {' and '.join(changes)}; {alone}."]


def _tests(raw: float, adjusted: float) -> str:
    """What a test found: "p = 0.012, after Holm 0.036"; "" where there was none."""
    if np.isnan(raw):
        return ""
    word = "" if p_value(raw).startswith("<") else "= "
    after = "" if p_value(adjusted) in (p_value(raw), "–") else f", after Holm {p_value(adjusted)}"
    return f"p {word}{p_value(raw)}{after}"
