"""The report: one HTML page that needs nothing else, for a physician and for a reviewer."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from overread.bundle.manifest import ManifestDraft
from overread.evaluation import drawings, wording
from overread.evaluation.checklist import checklists
from overread.evaluation.class_wording import class_sentences
from overread.evaluation.clinical import Abstention
from overread.evaluation.decision_reading import example_sentence
from overread.evaluation.explorer import dial_of, explorer_data, five_thresholds
from overread.evaluation.figure_table import FIGURES, PER_CLASS, figure_tables
from overread.evaluation.forest import forests, subgroup_sentence
from overread.evaluation.mistakes import Mistake
from overread.evaluation.pages import page_environment, safe, stylesheet, tidy
from overread.evaluation.pictures import picture_pair
from overread.evaluation.print_style import margin_boxes
from overread.evaluation.results import Evaluation, HistoryRow
from overread.evaluation.scores import URGENT, Score, class_scores, main_score, urgent_decision
from overread.evaluation.wording import Naming


@dataclass(frozen=True)
class Section:
    """A part of the page; its template is `sections/ANCHOR.html.jinja`."""

    anchor: str
    short: str
    title: str


def render_report(
    evaluation: Evaluation,
    *,
    manifest: ManifestDraft,
    history: Iterable[Mapping[str, Any] | HistoryRow] | None = None,
    mistakes: Sequence[Mistake] = (),
    notes: Sequence[str] | None = None,
) -> str:
    """Write the report.

    The page holds its style, figures and pictures and loads nothing. Its one script, the threshold
    explorer's, is allowed by its hash; without it a table stands in its place. The same arguments give
    the same bytes.

    Args:
        evaluation: What to report; what it does not hold is left out.
        manifest: Of the bundle.
        history: Epochs of training; None takes the evaluation's.
        mistakes: Wrong readings to show, the worst first.
        notes: Plain sentences to show; None takes the evaluation's.

    Returns:
        The HTML text.
    """
    naming = wording.name_images(evaluation, manifest=manifest)
    main, classes = main_score(evaluation, name=naming.short[0]), class_scores(evaluation)
    scores = [score for score in (main, *classes) if score is not None]
    urgent = _urgent(evaluation, naming)
    compared = [*scores, *urgent] if main is None else scores
    subgroups = sorted(evaluation.subgroups, key=lambda table: table.of != URGENT)
    rows = evaluation.history if history is None else tuple(_history_row(row) for row in history)
    kept = [row for row in rows if row.kept]
    cautions = wording.cautions(evaluation, manifest=manifest)
    dials = [dial for score in _told_apart(scores) if (dial := dial_of(score))]
    curves = drawings.curve_drawings(main, level=evaluation.level) if main else ()
    small_roc = drawings.small_roc(classes)
    decision = drawings.decision_drawing(main, level=evaluation.level, naming=naming) if main else None
    small_decisions = drawings.small_decisions(classes)
    training, learning = drawings.training_drawings(rows), drawings.learning_drawing(evaluation.learning)
    kind = "class" if evaluation.task == "multiclass" else "finding"
    sections = _sections(
        {
            "curves": curves or small_roc,
            "benefit": decision or small_decisions,
            "explorer": dials,
            "classes": classes,
            "subgroups": evaluation.subgroups,
            "abstention": evaluation.abstention,
            "training": training or kept or learning,
            "mistakes": mistakes,
        },
        kind=kind,
    )
    anchors = [section.anchor for section in sections]

    environment = _environment()
    script = tidy(stylesheet(environment, "explorer.js")).rstrip("\n") if dials else ""
    page = environment.get_template("report.html.jinja").render(
        style=stylesheet(environment, "report.css", "consort.css", "evaluation.css"),
        page_style=safe(margin_boxes(evaluation.bundle)),
        script=safe(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
        dials_data=safe(explorer_data(dials)),
        sections=sections,
        titles={section.anchor: section.short for section in sections},
        evaluation=evaluation,
        manifest=manifest,
        naming=naming,
        kind=kind,
        names={URGENT: "urgent or routine"} | {score.key: score.name for score in scores},
        sides=dict(zip(("present", "absent"), naming.short, strict=True)) if main else {},
        decided=_decided(evaluation),
        patients_known=wording.patients_known(evaluation, manifest=manifest),
        groups_known=wording.groups_known(evaluation),
        level=wording.percent(evaluation.level),
        hundreds=wording.hundreds(evaluation.triage, naming=naming) if evaluation.triage else (),
        sentences=_sentences(evaluation, naming),
        cautions=cautions,
        notes=wording.notes_beside(evaluation.notes if notes is None else notes, cautions=cautions),
        tables=figure_tables(evaluation, naming=naming),
        told=[main] if main else classes,
        urgent_values=urgent[0].predictive if urgent and main is None else (),
        curves=curves,
        small_roc=small_roc,
        calibration_plots=(
            drawings.calibration_drawings(main, level=evaluation.level, naming=naming) if main else ()
        ),
        small_reliability=drawings.small_reliability(classes),
        candidates=_candidates(evaluation),
        calibrated=any(one.kind != "none" or one.log_loss for one in evaluation.calibration),
        calibrations=wording.CALIBRATIONS,
        decision=decision,
        decision_example=example_sentence(main.net_benefit) if main else "",
        small_decisions=small_decisions,
        dials=dials,
        tables_of_five=[five_thresholds(dial) for dial in dials],
        forests=forests(subgroups, compared),
        subgroup_sentence=subgroup_sentence(subgroups, compared),
        finding_columns=[
            name for name in PER_CLASS if any(name in one.figures for one in evaluation.findings)
        ],
        figure_names=FIGURES,
        confusion=_confusion(evaluation),
        training=training,
        learning=learning,
        kept=kept,
        mistakes=[_picture(one, manifest) for one in mistakes],
        checklists=checklists(evaluation, manifest=manifest, sections=anchors, kept=bool(kept)),
        undefined=_undefined(evaluation),
        files=getattr(manifest, "files", {}),
    )
    return tidy(page)


def _environment() -> Any:
    environment = page_environment()
    environment.filters |= {
        "dots": _dots,
        "calibration_choice": wording.calibration_choice,
        "abstention_sentence": wording.abstention_sentence,
    }
    return environment


def _sections(shown: Mapping[str, object], *, kind: str) -> list[Section]:
    """The parts of the page in their order, without those that have nothing to show."""
    every = (
        Section("summary", "In short", "In short"),
        Section("figures", "Figures", "Figures"),
        Section("curves", "Curves", "How well it ranks"),
        Section("calibration", "Calibration", "Scores as probabilities"),
        Section("benefit", "Benefit", "Whom it helps to act on it"),
        Section("explorer", "Thresholds", "What moving the threshold changes"),
        Section("classes", f"By {kind}", f"By {kind}"),
        Section("subgroups", "Subgroups", "Subgroups"),
        Section("abstention", "Cannot assess", "Leaving the question open"),
        Section("training", "Training", "Training"),
        Section("mistakes", "Worst mistakes", "Worst mistakes"),
        Section("origin", "Images", "Where the images come from"),
        Section("reader", "Reader", "The reader"),
        Section("checklist", "Checklists", "Reporting checklists"),
        Section("method", "Method", "How the figures are made"),
    )
    return [section for section in every if shown.get(section.anchor, True)]


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
            f"{round(100 * right.baseline)}.",
            *class_sentences(evaluation),
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


def _told_apart(scores: Sequence[Score]) -> list[Score]:
    """The scores to choose among, with a name of its own for the urgent one beside a class's of that name."""
    several = len(scores) > 1
    return [
        replace(score, name=f"urgent: {score.name}") if several and score.key == URGENT else score
        for score in scores
    ]


def _urgent(evaluation: Evaluation, naming: Naming) -> list[Score]:
    """The decision that a multilabel reader takes from its findings, for the subgroups."""
    triage = evaluation.triage
    several = triage is not None and len(triage.urgent) > 1
    score = urgent_decision(evaluation, name="urgent findings" if several else naming.short[0])
    return [score] if score else []


def _decided(evaluation: Evaluation) -> list[Abstention]:
    """What a conformal rule does to the decisions; where nothing is urgent, to the first question."""
    urgent = [one for one in evaluation.abstention if one.of == URGENT]
    return urgent or list(evaluation.abstention[:1])


def _candidates(evaluation: Evaluation) -> list[str]:
    """The calibrations that were compared, the simplest first."""
    compared = {kind for one in evaluation.calibration for kind in one.log_loss}
    known = [kind for kind in wording.CALIBRATIONS if kind in compared]
    return known + sorted(compared - set(known))


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
