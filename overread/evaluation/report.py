"""The report: one HTML page that needs nothing else, for a physician and for a reviewer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from overread.bundle.manifest import ManifestDraft
from overread.evaluation import wording
from overread.evaluation.figures import Figure
from overread.evaluation.mistakes import Mistake
from overread.evaluation.pages import page_environment, safe, stylesheet, tidy
from overread.evaluation.pictures import picture_pair
from overread.evaluation.results import Curves, Evaluation, Finding, HistoryRow
from overread.evaluation.wording import Naming

# name in evaluation.json: (name in the report, what it says, whether it lies on the scale 0..1 drawn beside)
_FIGURES: dict[str, tuple[str, str, bool]] = {
    "roc_auc": ("ROC-AUC", "how well the scores rank; 0.5 is chance", True),
    "average_precision": ("PR-AUC", "average precision; the prevalence is chance", True),
    "sensitivity": ("Sensitivity", "share called, of images with the finding", True),
    "specificity": ("Specificity", "share not called, of images without it", True),
    "ppv": ("Positive predictive value", "share with the finding, of those called", True),
    "npv": ("Negative predictive value", "share without it, of those not called", True),
    "f1": ("F1", "harmonic mean of sensitivity and PPV", True),
    "accuracy": ("Accuracy", "share decided rightly", True),
    "balanced_accuracy": ("Balanced accuracy", "mean over the classes of that share", True),
    "recall": ("Recall", "share of the class whose highest score is its own", True),
    "calibration_error": ("Calibration error", "score against share, 10 equal bins; 0 is best", True),
    "brier": ("Brier score", "mean squared error of the score; 0 is best", True),
    "log_loss": ("Log loss", "in nats; 0 is best", False),
    "prevalence": ("Prevalence", "share of images with the finding", True),
}
_GROUPS = (
    ("How well it ranks", ("roc_auc", "average_precision")),
    (
        "At the threshold",
        ("sensitivity", "specificity", "ppv", "npv", "f1", "accuracy", "balanced_accuracy"),
    ),
    ("Scores as probabilities", ("calibration_error", "brier", "log_loss")),
    ("The images", ("prevalence",)),
)
_PER_FINDING = ("roc_auc", "average_precision", "recall", "sensitivity", "specificity", "calibration_error")


@dataclass(frozen=True)
class _Row:
    """One line of a table of figures; bar is (low, value, high, baseline) on 0..100, or None."""

    name: str
    meaning: str
    value: str
    interval: str
    baseline: str
    bar: tuple[float, float, float, float | None] | None
    exact: bool


@dataclass(frozen=True)
class _Plot:
    title: str
    caption: str
    svg: Any


def render_report(
    evaluation: Evaluation,
    *,
    manifest: ManifestDraft,
    history: Iterable[Mapping[str, Any] | HistoryRow] | None = None,
    mistakes: Sequence[Mistake] = (),
    notes: Sequence[str] | None = None,
) -> str:
    """Write the report.

    The page holds its style, figures and pictures, loads nothing, runs no script, and is the same to the byte
    for the same arguments.

    Args:
        evaluation: What to report.
        manifest: Of the bundle.
        history: Epochs of training; None takes the evaluation's.
        mistakes: Wrong readings to show, the worst first.
        notes: Plain sentences to show; None takes the evaluation's.

    Returns:
        The HTML text.
    """
    naming = wording.name_images(evaluation, manifest=manifest)
    rows = evaluation.history if history is None else [_history_row(row) for row in history]
    environment = page_environment()
    environment.filters["dots"] = _dots
    page = environment.get_template("report.html.jinja").render(
        style=stylesheet(environment, "report.css"),
        evaluation=evaluation,
        manifest=manifest,
        naming=naming,
        patients_known=wording.patients_known(evaluation, manifest=manifest),
        level=wording.percent(evaluation.level),
        hundreds=wording.hundreds(evaluation.triage, naming=naming) if evaluation.triage else (),
        sentences=_sentences(evaluation, naming),
        cautions=wording.cautions(evaluation, manifest=manifest),
        notes=evaluation.notes if notes is None else tuple(notes),
        tables=_tables(evaluation, naming),
        plots=_plots(evaluation, naming),
        small_plots=_small_plots(evaluation),
        finding_columns=[name for name in _PER_FINDING if name in evaluation.findings[0].figures],
        figure_names=_FIGURES,
        confusion=_confusion(evaluation),
        training=_training(rows),
        kept=[row for row in rows if row.kept],
        mistakes=[_picture(one, manifest) for one in mistakes],
        undefined=_undefined(evaluation),
        files=getattr(manifest, "files", {}),
    )
    return tidy(page)


def _history_row(row: Mapping[str, Any] | HistoryRow) -> HistoryRow:
    return row if isinstance(row, HistoryRow) else HistoryRow.model_validate(row)


def _sentences(evaluation: Evaluation, naming: Naming) -> list[str]:
    """The plain words under the hundred images."""
    overall, triage = evaluation.overall, evaluation.triage
    if evaluation.task == "binary":
        return [
            wording.ranking_sentence(overall["roc_auc"], naming=naming),
            wording.calibration_sentence(overall["calibration_error"], prevalence=overall["prevalence"]),
        ]
    if evaluation.task == "multiclass":
        right = overall["accuracy"]
        said = [
            f"Its most likely class is the true one in {round(100 * right.value)} of 100 images "
            f"({wording.of_hundred(right)}); always naming the most frequent class would reach "
            f"{round(100 * right.baseline)}."
        ]
        if triage:
            said.insert(0, wording.ranking_sentence(triage.figures["roc_auc"], naming=naming))
        return said
    means = overall["roc_auc"]
    if np.isnan(means.value):
        return ["How well the scores rank cannot be stated for any finding."]
    return [
        f"On average over the findings, an image with the finding gets a higher score than one without in "
        f"{round(100 * means.value)} of 100 pairs ({wording.of_hundred(means)})."
    ]


def _tables(evaluation: Evaluation, naming: Naming) -> list[tuple[str, list[tuple[str, list[_Row]]]]]:
    """Tables of figures for the whole reader: (caption, [(group, rows)])."""
    if evaluation.task == "binary":
        threshold = evaluation.findings[0].threshold
        return [(f"All figures for {evaluation.classes[0]}", _grouped(evaluation.overall, threshold))]
    titles = {
        "multiclass": "The most likely class, and means over the classes",
        "multilabel": "Means over the findings",
    }
    tables = [(titles[evaluation.task], _grouped(evaluation.overall, np.nan, evaluation.task))]
    if evaluation.triage:
        grouped = _grouped(evaluation.triage.figures, evaluation.triage.threshold)
        tables.insert(0, (f"Urgent or not: {naming.short[0]}", grouped))
    return tables


def _grouped(figures: Mapping[str, Figure], threshold: float, task: str = "") -> list[tuple[str, list[_Row]]]:
    grouped = []
    for title, names in _GROUPS:
        words = title
        if title == "At the threshold":
            words = title if np.isnan(threshold) else f"{title} {threshold:.3g}"
            words = {"multiclass": "The most likely class", "multilabel": "At each threshold"}.get(
                task, words
            )
        rows = [_row(name, figures[name]) for name in names if name in figures]
        if rows:
            grouped.append((words, rows))
    return grouped


def _row(name: str, figure: Figure) -> _Row:
    title, meaning, scaled = _FIGURES[name]
    bar = None
    if scaled and not np.isnan(figure.value):
        low, high = (figure.value, figure.value) if np.isnan(figure.low) else (figure.low, figure.high)
        baseline = None if np.isnan(figure.baseline) else round(100 * figure.baseline, 2)
        bar = (round(100 * low, 2), round(100 * figure.value, 2), round(100 * high, 2), baseline)
    return _Row(
        name=title,
        meaning=meaning,
        value=wording.number(figure.value),
        interval=wording.interval(figure),
        baseline=wording.number(figure.baseline),
        bar=bar,
        exact=figure.method == "exact",
    )


def _plots(evaluation: Evaluation, naming: Naming) -> list[_Plot]:
    """The four large figures: of the finding (binary) or of the urgent sum (multiclass)."""
    from overread.evaluation import plots

    if evaluation.task == "binary":
        figures, curves = evaluation.findings[0].figures, evaluation.findings[0].curves
        threshold = evaluation.findings[0].threshold
    elif evaluation.triage and evaluation.triage.curves.histogram.edges:
        figures, curves = evaluation.triage.figures, evaluation.triage.curves
        threshold = evaluation.triage.threshold
    else:
        return []
    name = naming.short[0]
    drawn, level = [], wording.percent(evaluation.level)
    if curves.roc.sensitivity:
        label = f"ROC curve for {name}, area {wording.number(figures['roc_auc'].value)}"
        point = _roc_point(figures)
        svg = plots.roc_plot(curves.roc, name="roc", label=label, point=point)
        words = f"Shaded: pointwise {level} band over resampled patients. Dashed: chance."
        drawn.append(_Plot("ROC", words, safe(svg)))
    if curves.precision_recall.recall:
        area, base = figures["average_precision"], figures["average_precision"].baseline
        label = f"Precision-recall curve for {name}, area {wording.number(area.value)}"
        mark = (figures["sensitivity"].value, figures["ppv"].value) if "ppv" in figures else None
        svg = plots.precision_recall_plot(
            curves.precision_recall, name="pr", label=label, prevalence=base, point=mark
        )
        drawn.append(
            _Plot("Precision and recall", "Dashed: a reader that knows only the prevalence.", safe(svg))
        )
    error = wording.number(figures["calibration_error"].value)
    label = f"Reliability diagram for {name}, calibration error {error}"
    svg = plots.reliability_plot(curves.reliability, name="reliability", label=label)
    words = (
        f"Share of images with the finding among images of about equal score, with exact {level} intervals, "
        "over the number of images. On the dashed line a score is a probability."
    )
    drawn.append(_Plot("Calibration", words, safe(svg)))
    label = f"Histograms of the scores of {' and of '.join(naming.many)}"
    svg = plots.histogram_plot(
        curves.histogram,
        name="scores",
        label=label,
        threshold=threshold,
        names=naming.many,
    )
    drawn.append(
        _Plot("Scores", "Images by score. Left of the dashed threshold a score reads routine.", safe(svg))
    )
    return drawn


def _small_plots(evaluation: Evaluation) -> list[tuple[Finding, list[Any]]]:
    """For several classes, a small ROC curve and reliability diagram each."""
    from overread.evaluation import plots

    if evaluation.task == "binary":
        return []
    drawn = []
    for index, finding in enumerate(evaluation.findings):
        curves: Curves = finding.curves
        pair = []
        if curves.roc.sensitivity:
            label = f"ROC curve for {finding.name}, area {wording.number(finding.figures['roc_auc'].value)}"
            point = _roc_point(finding.figures)
            pair.append(
                safe(plots.roc_plot(curves.roc, name=f"roc{index}", label=label, point=point, compact=True))
            )
        label = f"Reliability diagram for {finding.name}"
        pair.append(
            safe(plots.reliability_plot(curves.reliability, name=f"rel{index}", label=label, compact=True))
        )
        drawn.append((finding, pair))
    return drawn


def _roc_point(figures: Mapping[str, Figure]) -> tuple[float, float] | None:
    if "sensitivity" not in figures:
        return None
    return 1 - figures["specificity"].value, figures["sensitivity"].value


def _training(rows: Sequence[HistoryRow]) -> list[_Plot]:
    from overread.evaluation import plots

    if not rows:
        return []
    loss = plots.loss_plot(rows, name="loss", label="Loss on train and on tune by epoch of training")
    auc = plots.tune_auc_plot(rows, name="tune-auc", label="ROC-AUC on tune by epoch of training")
    return [
        _Plot("Loss", "Line: tune. Dotted: train.", safe(loss)),
        _Plot("ROC-AUC on tune", "How well the tune images are ranked.", safe(auc)),
    ]


def _confusion(evaluation: Evaluation) -> list[tuple[str, int, list[tuple[int, float]]]]:
    """Rows of the class table: (true class, images, [(images, share of the row in percent)])."""
    if evaluation.confusion is None:
        return []
    return [
        (name, sum(row), [(n, round(100 * n / sum(row), 1) if sum(row) else 0.0) for n in row])
        for name, row in zip(evaluation.confusion.classes, evaluation.confusion.counts, strict=True)
    ]


def _picture(mistake: Mistake, manifest: ManifestDraft) -> dict[str, Any]:
    plain, veiled, ratio = picture_pair(mistake.image, mistake.saliency, resize=manifest.preprocess.resize)
    case = mistake.case
    threshold = None if np.isnan(case.threshold) else case.threshold
    score, tick = 100 * case.score, None if threshold is None else 100 * threshold
    return {
        "case": case,
        "threshold": threshold,
        "plain": safe(plain),
        "veiled": veiled and safe(veiled),
        "ratio": round(min(max(ratio, 0.75), 1.6), 3),
        "bar": (round(score, 2), round(score, 2), round(score, 2), tick and round(tick, 2)),
    }


def _undefined(evaluation: Evaluation) -> int:
    """The most resamples in which a figure that has a value was undefined."""
    everything = [evaluation.overall, *(one.figures for one in evaluation.findings)]
    if evaluation.triage:
        everything.append(evaluation.triage.figures)
    return max(
        (one.undefined for part in everything for one in part.values() if not np.isnan(one.value)), default=0
    )


def _dots(parts: Sequence[tuple[str, int, str, str]]) -> list[tuple[str, str]]:
    """100 dots in rows of 20 as one path a tone: (tone, path data); a round line of no length is a dot."""
    paths, start = [], 0
    for _, share, _, tone in parts:
        dots = "".join(f"M{6 + 12 * (k % 20)} {6 + 12 * (k // 20)}h0" for k in range(start, start + share))
        start += share
        if dots:
            paths.append((tone, dots))
    return paths
