"""Which items of TRIPOD+AI and of CLAIM a report answers, and which only the authors of a study can.

Items after Collins et al., BMJ 2024;385:e078378 (TRIPOD+AI) and Tejani et al., Radiol. Artif. Intell.
2024;6:e240300 (CLAIM, 2024 update), by their numbers, in short words of our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from overread.bundle.manifest import ManifestDraft
from overread.evaluation.results import Evaluation

State = Literal["answered", "in part", "authors"]


@dataclass(frozen=True)
class Item:
    """One item of a checklist.

    Attributes:
        number: As the guideline numbers it.
        asks: What it asks.
        where: The report's section that answers it; "" where none can.
        full: The fact (see `facts_of`) with which the report answers it; "" where it cannot answer all of it.
        part: The fact with which it answers some of it.
    """

    number: str
    asks: str
    where: str = ""
    full: str = ""
    part: str = ""


@dataclass(frozen=True)
class Answer:
    """An item, and whether the report answers it."""

    item: Item
    state: State


@dataclass(frozen=True)
class Checklist:
    """A guideline with its answers, in the order of its items."""

    name: str
    source: str
    answers: tuple[Answer, ...]

    def count(self, state: State) -> int:
        """How many items have this state."""
        return sum(one.state == state for one in self.answers)


TRIPOD_AI = (
    Item("1", "Title: the model, whom it is for, what it predicts"),
    Item("2", "Abstract after TRIPOD+AI for Abstracts"),
    Item("3a", "Clinical context, and models that exist"),
    Item("3b", "Whom the model is for, its purpose and its users", "reader", part="use"),
    Item("3c", "Known inequalities in health between groups"),
    Item("4", "Objectives: development, evaluation or both"),
    Item("5a", "Sources of the data, and how representative they are", "origin", part="source"),
    Item("5b", "Dates of the data"),
    Item("6a", "Setting, number and place of centres"),
    Item("6b", "Who was eligible", "origin", part="flow"),
    Item("6c", "Treatments received"),
    Item("7", "Preparation of the data and checks of their quality", "origin", full="report"),
    Item("8a", "The outcome: how, when and why so assessed"),
    Item("8b", "Who assessed the outcome"),
    Item("8c", "Blinding of that assessment"),
    Item("9a", "Choice of predictors", "reader", part="report"),
    Item("9b", "Definition of all predictors", "reader", part="report"),
    Item("9c", "Who assessed predictors that take judgement"),
    Item("10", "How the sample size was arrived at, and whether it suffices", "training", part="learning"),
    Item("11", "Missing data", "origin", full="report"),
    Item("12a", "How the data were used and divided", "origin", full="split_counts"),
    Item("12b", "How predictors were handled", "reader", full="report"),
    Item("12c", "Type of model, steps of building it, internal validation", "reader", part="backbone"),
    Item("12d", "Differences between clusters: how handled", "subgroups", part="subgroups"),
    Item("12e", "Measures and plots of performance", "method", full="report"),
    Item("12f", "Updating of the model after its evaluation", "method", full="report"),
    Item("12g", "How predictions were calculated", "reader", full="report"),
    Item("13", "Class imbalance", "origin", part="split_counts"),
    Item("14", "Fairness: what was done, and why", "subgroups", part="subgroups"),
    Item("15", "Output of the model; where its thresholds come from", "reader", full="points"),
    Item("16", "Differences between the data of training and of evaluation", "origin", part="split_counts"),
    Item("17", "Ethical approval and consent"),
    Item("18a", "Funding"),
    Item("18b", "Conflicts of interest"),
    Item("18c", "Protocol"),
    Item("18d", "Registration"),
    Item("18e", "Sharing of the data", "origin", part="licence"),
    Item("18f", "Sharing of the code", "reader", part="code"),
    Item("19", "Involvement of patients and the public"),
    Item("20a", "Flow of participants, with and without the outcome", "origin", full="flow"),
    Item("20b", "Characteristics of the participants", "origin", part="split_counts"),
    Item("20c", "The data of evaluation beside those of development", "origin", part="split_counts"),
    Item("21", "Participants and outcomes in each analysis", "origin", full="split_counts"),
    Item("22", "The whole model, so that others can use and test it", "reader", full="files", part="report"),
    Item("23a", "Performance with intervals, for subgroups too", "figures", full="subgroups", part="report"),
    Item("23b", "Differences of performance between clusters", "subgroups", full="subgroups"),
    Item("24", "Results of updating the model", "calibration", part="calibration"),
    Item("25", "Interpretation, in the light of fairness and of other studies", "summary", part="report"),
    Item("26", "Limitations", "reader", part="limits"),
    Item("27a", "What to do with input that is poor or missing", "figures", full="triage"),
    Item("27b", "What users must do, and what they must know", "reader", part="use"),
    Item("27c", "Next steps of research"),
)
"""TRIPOD+AI: 27 items, 52 with their parts."""

CLAIM = (
    Item("1", "Title names the methodology and its kind of technology"),
    Item("2", "Structured summary"),
    Item("3", "Background, intended use and role", "reader", part="use"),
    Item("4", "Aims, objectives, hypotheses"),
    Item("5", "Prospective or retrospective"),
    Item("6", "Goal of the study"),
    Item("7", "Data sources", "origin", part="source"),
    Item("8", "Criteria of inclusion and exclusion", "origin", part="flow"),
    Item("9", "Preprocessing", "reader", full="report"),
    Item("10", "Selection of parts of the data", "origin", part="flow"),
    Item("11", "De-identification"),
    Item("12", "Missing data", "origin", full="report"),
    Item("13", "How the images were acquired"),
    Item("14", "How the reference standard was obtained"),
    Item("15", "Why that reference standard"),
    Item("16", "Who annotated it"),
    Item("17", "Annotation of the test images"),
    Item("18", "Agreement between and within annotators"),
    Item("19", "How data were assigned to partitions", "origin", part="split_counts"),
    Item("20", "At which level partitions are disjoint", "method", full="report"),
    Item("21", "Intended sample size", "training", part="learning"),
    Item("22", "The model in detail", "reader", full="files", part="report"),
    Item("23", "Software libraries and their versions", "reader", full="versions"),
    Item("24", "First values of the parameters", "reader", full="weights"),
    Item("25", "Details of training", "training", part="history"),
    Item("26", "How the final model was selected", "training", full="kept"),
    Item("27", "Ensembles", "reader", part="backbone"),
    Item("28", "Metrics", "method", full="report"),
    Item("29", "Significance and uncertainty", "method", full="report"),
    Item("30", "Robustness, sensitivity to choices", "explorer", part="explorer"),
    Item("31", "Explainability", "mistakes", full="mistakes"),
    Item("32", "Evaluation on internal data", "figures", full="report"),
    Item("33", "Testing on external data"),
    Item("34", "Registration of a trial"),
    Item("35", "Numbers included and excluded", "origin", full="flow", part="report"),
    Item("36", "Characteristics in each partition", "origin", part="split_counts"),
    Item("37", "Performance with its uncertainty", "figures", full="report"),
    Item("38", "Diagnostic performance and its precision", "figures", full="report"),
    Item("39", "Failure analysis", "mistakes", full="mistakes"),
    Item("40", "Limitations", "reader", part="limits"),
    Item("41", "Implications for practice, intended use", "benefit", part="benefit"),
    Item("42", "Protocol or further technical details", "reader", part="code"),
    Item("43", "Availability of software, model and data", "reader", part="files"),
    Item("44", "Funding and the funders' role"),
)
"""CLAIM, 2024 update: 44 items."""


def facts_of(
    evaluation: Evaluation, *, manifest: ManifestDraft, sections: Sequence[str], kept: bool
) -> frozenset[str]:
    """What the report knows, by name.

    Args:
        evaluation: That it reports.
        manifest: Of the bundle.
        sections: Anchors of the sections that it has.
        kept: Whether it says which epoch's reader was kept.
    """
    known, cohort = manifest.provenance, evaluation.cohort
    facts = {
        "report": True,
        "use": bool(manifest.intended_use),
        "limits": bool(manifest.limits),
        "source": bool(known.source or known.cohort or (cohort and cohort.name)),
        "licence": bool(known.licence),
        "flow": cohort is not None,
        "split_counts": bool(known.split_counts),
        "backbone": bool(known.backbone),
        "weights": bool(known.weights),
        "versions": bool(known.versions),
        "code": bool(known.git_commit or known.overread_version),
        "files": bool(getattr(manifest, "files", None)),
        "points": bool(manifest.operating_points),
        "triage": evaluation.triage is not None,
        "learning": bool(evaluation.learning),
        "history": "training" in sections,
        "kept": kept,
    }
    shown = {
        name for name in ("subgroups", "calibration", "explorer", "mistakes", "benefit") if name in sections
    }
    return frozenset(name for name, true in facts.items() if true) | shown


def answered(items: Sequence[Item], *, facts: frozenset[str]) -> tuple[Answer, ...]:
    """Each item with whether the facts answer it, in whole, in part, or not at all.

    Example:
        >>> [one.state for one in answered([Item("1", "?", "a", full="x", part="y")], facts=frozenset("y"))]
        ['in part']
    """

    def state(item: Item) -> State:
        if item.full in facts:
            return "answered"
        return "in part" if item.part in facts else "authors"

    return tuple(Answer(item, state(item)) for item in items)


def checklists(
    evaluation: Evaluation, *, manifest: ManifestDraft, sections: Sequence[str], kept: bool
) -> tuple[Checklist, ...]:
    """Both checklists as this report answers them."""
    facts = facts_of(evaluation, manifest=manifest, sections=sections, kept=kept)
    return (
        Checklist("TRIPOD+AI", "Collins et al., BMJ 2024;385:e078378", answered(TRIPOD_AI, facts=facts)),
        Checklist(
            "CLAIM, 2024 update",
            "Tejani et al., Radiol. Artif. Intell. 2024;6:e240300",
            answered(CLAIM, facts=facts),
        ),
    )
