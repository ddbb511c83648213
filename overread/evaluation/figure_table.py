"""The report's tables of figures: names, meanings, intervals, and the bar drawn beside each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from overread.evaluation import wording
from overread.evaluation.figures import Figure
from overread.evaluation.results import Evaluation
from overread.evaluation.wording import Naming

# name in evaluation.json: (name in the report, what it says, whether it lies on the scale 0..1 drawn beside)
FIGURES: dict[str, tuple[str, str, bool]] = {
    "roc_auc": ("ROC-AUC", "how well the scores rank; 0.5 is chance", True),
    "average_precision": ("PR-AUC", "average precision; the prevalence is chance", True),
    "sensitivity": ("Sensitivity", "share called, of images with the finding", True),
    "specificity": ("Specificity", "share not called, of images without it", True),
    "ppv": ("Positive predictive value", "share with the finding, of those called", True),
    "npv": ("Negative predictive value", "share without it, of those not called", True),
    "f1": ("F1", "harmonic mean of sensitivity and PPV", True),
    "mcc": ("MCC", "correlation of decision and truth, −1 to 1; 0 is chance", False),
    "accuracy": ("Accuracy", "share decided rightly", True),
    "balanced_accuracy": ("Balanced accuracy", "mean over the classes of that share", True),
    "recall": ("Recall", "share of the class whose highest score is its own", True),
    "calibration_error": ("Calibration error", "score against share, 10 equal bins; 0 is best", True),
    "brier": ("Brier score", "mean squared error of the score; 0 is best", True),
    "log_loss": ("Log loss", "in nats; 0 is best", False),
    "prevalence": ("Prevalence", "share of images with the finding", True),
}
"""What the report calls each figure."""

PER_CLASS = (
    "roc_auc",
    "average_precision",
    "recall",
    "sensitivity",
    "specificity",
    "mcc",
    "calibration_error",
)
"""The columns of the table by class, where a class has them."""

_AT_THRESHOLD = "At the threshold"
_GROUPS = (
    ("How well it ranks", ("roc_auc", "average_precision")),
    (
        _AT_THRESHOLD,
        ("sensitivity", "specificity", "ppv", "npv", "f1", "mcc", "accuracy", "balanced_accuracy"),
    ),
    ("Scores as probabilities", ("calibration_error", "brier", "log_loss")),
    ("The images", ("prevalence",)),
)


@dataclass(frozen=True)
class Row:
    """One line of a table of figures.

    Attributes:
        name: "ROC-AUC".
        meaning: What it says, in few words.
        value: Three decimals, or a dash.
        interval: "0.790 – 0.912", or why there is none.
        also: The same by another method: "DeLong 0.792 – 0.910"; or "".
        baseline: What a reader gets that knows only the prevalence.
        bar: (low, value, high, baseline) on 0..100, or None.
        exact: Whether the interval is exact instead of resampled.
    """

    name: str
    meaning: str
    value: str
    interval: str
    also: str
    baseline: str
    bar: tuple[float, float, float, float | None] | None
    exact: bool


@dataclass(frozen=True)
class Table:
    """Rows in groups: (title, rows) each."""

    caption: str
    groups: tuple[tuple[str, tuple[Row, ...]], ...]


def figure_tables(evaluation: Evaluation, *, naming: Naming) -> tuple[Table, ...]:
    """The figures of the whole reader: one table, for a multiclass reader with urgent classes two."""
    if evaluation.task == "binary":
        finding = evaluation.findings[0]
        return (_table(f"All figures for {finding.name}", evaluation.overall, threshold=finding.threshold),)
    titles = {
        "multiclass": ("The most likely class, and means over the classes", "The most likely class"),
        "multilabel": ("Means over the findings", "At each threshold"),
    }
    caption, at = titles[evaluation.task]
    whole = _table(caption, evaluation.overall, at=at)
    if evaluation.triage is None or evaluation.task == "multilabel":
        return (whole,)
    triage = evaluation.triage
    urgent = _table(f"Urgent or not: {naming.short[0]}", triage.figures, threshold=triage.threshold)
    return (urgent, whole)


def _table(caption: str, figures: Mapping[str, Figure], *, threshold: float = np.nan, at: str = "") -> Table:
    groups = []
    for title, names in _GROUPS:
        if title == _AT_THRESHOLD:
            title = at or (title if np.isnan(threshold) else f"{title} {threshold:.3g}")
        rows = tuple(_row(name, figures) for name in names if name in figures)
        if rows:
            groups.append((title, rows))
    return Table(caption, tuple(groups))


def _row(name: str, figures: Mapping[str, Figure]) -> Row:
    figure = figures[name]
    title, meaning, scaled = FIGURES[name]
    other = figures.get(f"{name}_delong")
    known = other is not None and not np.isnan(other.low)
    return Row(
        name=title,
        meaning=meaning,
        value=wording.number(figure.value),
        interval=wording.interval(figure),
        also=f"DeLong {wording.interval(other)}" if other is not None and known else "",
        baseline=wording.number(figure.baseline),
        bar=_bar(figure) if scaled else None,
        exact=figure.method == "exact",
    )


def _bar(figure: Figure) -> tuple[float, float, float, float | None] | None:
    if np.isnan(figure.value):
        return None
    low, high = (figure.value, figure.value) if np.isnan(figure.low) else (figure.low, figure.high)
    baseline = None if np.isnan(figure.baseline) else round(100 * figure.baseline, 2)
    return round(100 * low, 2), round(100 * figure.value, 2), round(100 * high, 2), baseline
