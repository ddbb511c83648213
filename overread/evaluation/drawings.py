"""Which plots a report shows, with their titles, captions and what those hear who cannot see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from overread.evaluation import decision_reading, wording
from overread.evaluation.clinical import LearningPoint
from overread.evaluation.figures import Figure
from overread.evaluation.pages import safe
from overread.evaluation.results import HistoryRow
from overread.evaluation.scores import Score
from overread.evaluation.wording import Naming


@dataclass(frozen=True)
class Drawing:
    """A plot: its title, a caption, and the SVG that the page holds."""

    title: str
    caption: str
    svg: Any


def curve_drawings(score: Score, *, level: float) -> tuple[Drawing, ...]:
    """ROC and precision-recall of the main score; without positives or negatives, none."""
    from overread.evaluation import plots

    drawn, figures, curves = [], score.figures, score.curves
    if curves.roc.sensitivity:
        label = f"ROC curve for {score.name}, area {wording.number(figures['roc_auc'].value)}"
        svg = plots.roc_plot(curves.roc, name="roc", label=label, point=_roc_point(figures))
        words = f"Shaded: pointwise {wording.percent(level)} band over resampled patients. Dashed: chance."
        drawn.append(Drawing("ROC", words, safe(svg)))
    if curves.precision_recall.recall:
        area = figures["average_precision"]
        label = f"Precision-recall curve for {score.name}, area {wording.number(area.value)}"
        mark = (figures["sensitivity"].value, figures["ppv"].value) if "ppv" in figures else None
        svg = plots.precision_recall_plot(
            curves.precision_recall, name="pr", label=label, prevalence=area.baseline, point=mark
        )
        words = "Dashed: a reader that knows only the prevalence."
        drawn.append(Drawing("Precision and recall", words, safe(svg)))
    return tuple(drawn)


def calibration_drawings(score: Score, *, level: float, naming: Naming) -> tuple[Drawing, ...]:
    """Reliability diagram and histograms of the main score."""
    from overread.evaluation import plots

    error = wording.number(score.figures["calibration_error"].value)
    reliability = plots.reliability_plot(
        score.curves.reliability,
        name="reliability",
        label=f"Reliability diagram for {score.name}, calibration error {error}",
    )
    histograms = plots.histogram_plot(
        score.curves.histogram,
        name="scores",
        label=f"Histograms of the scores of {' and of '.join(naming.many)}",
        threshold=score.threshold,
        names=naming.many,
    )
    share = (
        "Share of images with the finding among images of about equal score, with exact "
        f"{wording.percent(level)} intervals, over the number of images. On the dashed line a score is a "
        "probability."
    )
    side = "Images by score. Left of the dashed threshold a score reads routine."
    return (
        Drawing("Score against share", share, safe(reliability)),
        Drawing("Scores", side, safe(histograms)),
    )


def decision_drawing(score: Score, *, level: float, naming: Naming) -> Drawing | None:
    """The decision curve of the main score, under its sentence."""
    from overread.evaluation.decision_plot import net_benefit_plot

    curve = score.net_benefit
    if not curve.threshold:
        return None
    sentence = decision_reading.decision_sentence(curve, one=naming.one[0])
    svg = net_benefit_plot(
        curve, name="benefit", label=f"Decision curve. {sentence}", threshold=score.threshold
    )
    return Drawing(sentence, decision_reading.certainty_sentence(curve, level=level), safe(svg))


def small_roc(scores: Sequence[Score]) -> tuple[Drawing, ...]:
    """A small ROC curve for each class that has one."""
    from overread.evaluation import plots

    return tuple(
        Drawing(
            score.name,
            f"AUC {wording.number(score.figures['roc_auc'].value, digits=2)}",
            safe(
                plots.roc_plot(
                    score.curves.roc,
                    name=f"roc{index}",
                    label=f"ROC curve for {score.name}, "
                    f"area {wording.number(score.figures['roc_auc'].value)}",
                    point=_roc_point(score.figures),
                    compact=True,
                )
            ),
        )
        for index, score in enumerate(scores)
        if score.curves.roc.sensitivity
    )


def small_reliability(scores: Sequence[Score]) -> tuple[Drawing, ...]:
    """A small reliability diagram for each class with labels."""
    from overread.evaluation import plots

    return tuple(
        Drawing(
            score.name,
            f"error {wording.number(score.figures['calibration_error'].value, digits=2)}",
            safe(
                plots.reliability_plot(
                    score.curves.reliability,
                    name=f"rel{index}",
                    label=f"Reliability diagram for {score.name}",
                    compact=True,
                )
            ),
        )
        for index, score in enumerate(scores)
        if any(score.curves.reliability.count)
    )


def small_decisions(scores: Sequence[Score]) -> tuple[Drawing, ...]:
    """A small decision curve for each class that has one; the caption is where the reader is worth most."""
    from overread.evaluation.decision_plot import net_benefit_plot

    drawn = []
    for index, score in enumerate(scores):
        curve = score.net_benefit
        if curve.threshold:
            svg = net_benefit_plot(
                curve,
                name=f"benefit{index}",
                label=f"Decision curve for {score.name}",
                threshold=score.threshold,
                compact=True,
            )
            found = decision_reading.best_range(curve)
            words = (
                f"best from {wording.share_percent(found.low)} to {wording.share_percent(found.high)}"
                if found
                else "nowhere best"
            )
            drawn.append(Drawing(score.name, words, safe(svg)))
    return tuple(drawn)


def training_drawings(rows: Sequence[HistoryRow]) -> tuple[Drawing, ...]:
    """Loss and AUC by epoch; none where there are no two epochs to compare."""
    from overread.evaluation import training_plots as plots

    if len(rows) < 2:
        return ()
    loss = plots.loss_plot(rows, name="loss", label="Loss on train and on tune by epoch of training")
    auc = plots.tune_auc_plot(rows, name="tune-auc", label="ROC-AUC on tune by epoch of training")
    return (
        Drawing("Loss", "Line: tune. Dotted: train.", safe(loss)),
        Drawing("ROC-AUC on tune", "How well the tune images are ranked.", safe(auc)),
    )


def learning_drawing(points: Sequence[LearningPoint]) -> Drawing | None:
    """The learning curve of the head, under its sentence; None without points."""
    from overread.evaluation.training_plots import learning_plot

    if not points:
        return None
    sentence = wording.learning_sentence(points)
    svg = learning_plot(points, name="learning", label=f"Learning curve. {sentence}")
    words = (
        "A head on frozen features, fitted to some of the patients. Shaded: least and greatest of the draws."
    )
    return Drawing(sentence, words, safe(svg))


def _roc_point(figures: Mapping[str, Figure]) -> tuple[float, float] | None:
    if "sensitivity" not in figures:
        return None
    return 1 - figures["specificity"].value, figures["sensitivity"].value
