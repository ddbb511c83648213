"""Made evaluations with everything that a report can show, computed here by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from overread.bundle.manifest import Manifest, Provenance
from overread.evaluation.clinical import (
    Abstention,
    CalibrationResult,
    Clinical,
    FixedPoint,
    LearningPoint,
    NetBenefit,
    PredictiveValue,
    SubgroupRow,
    SubgroupTable,
    Sweep,
)
from overread.evaluation.evaluate import evaluate_readings
from overread.evaluation.figures import Figure
from overread.evaluation.mistakes import Mistake, worst_cases
from overread.evaluation.report import render_report
from overread.evaluation.results import CohortFlow, Evaluation
from tests.evaluation.made import make_manifest, make_scores, make_tables, with_rejects

HISTORY = [
    {"phase": "head", "epoch": 1, "train_loss": 0.6, "tune_loss": 0.5, "tune_auc": 0.8, "kept": True},
    {"phase": "fine-tune", "epoch": 1, "train_loss": 0.4, "tune_loss": 0.6, "tune_auc": 0.7, "kept": False},
]
NAMES = {"binary": ("malignant",), "multiclass": ("mel", "nv", "bcc"), "multilabel": ("Mass", "Edema")}
CHEST = (
    "Atelectasis", "Cardiomegaly", "Effusion", "Infiltration", "Mass", "Nodule", "Pneumonia", "Pneumothorax",
    "Consolidation", "Edema", "Emphysema", "Fibrosis", "Pleural_Thickening", "Hernia",
)  # fmt: skip
PREVALENCES = (0.01, 0.05, 0.1, 0.3)


@dataclass(frozen=True)
class Made:
    """An evaluation, what it was made of, and what its report needs."""

    evaluation: Evaluation
    manifest: Manifest
    labels: np.ndarray
    scores: np.ndarray
    mistakes: tuple[Mistake, ...]

    def page(self, **settings: Any) -> str:
        return render_report(self.evaluation, manifest=self.manifest, mistakes=self.mistakes, **settings)


def make_evaluation(
    task: str = "binary",
    *,
    names: Sequence[str] | None = None,
    n: int = 60,
    clinic: bool = True,
    resamples: int = 40,
    **settings: Any,
) -> Made:
    """A reader of made images; with `clinic` everything that a report can show is there."""
    rng = np.random.default_rng(7)
    names = names or NAMES[task]
    if task == "multiclass":
        truth = rng.integers(0, len(names), n)
        labels = np.eye(len(names))[truth]
        scores = rng.dirichlet(np.ones(len(names)), n) * 0.75 + labels * 0.25
    else:
        shares = 0.4 / (1 + 0.25 * np.arange(len(names)))
        labels = (rng.random((n, len(names))) < shares).astype(float)
        scores = make_scores(rng, labels)
    known = Provenance(
        cohort="skin",
        cohort_hash="ab" * 32,
        backbone="mobilenetv2_100",
        seed=5,
        split_counts={"train": dict.fromkeys(names, 40), "test": dict.fromkeys(names, 20)},
    )
    manifest = make_manifest(
        task, names, urgent=names[:1], provenance=known, intended_use="To test.", limits=("None known.",)
    )
    readings, reference = make_tables(labels, scores, manifest=manifest)
    readings = with_rejects(readings, {"img-001": "truncated"})
    flow = CohortFlow(
        name="skin", found=130, read=123, rejected=7, patients=60, splits={"train": 63, "test": 60}
    )
    found = evaluate_readings(
        readings,
        reference,
        manifest=manifest,
        **{"resamples": resamples, "history": HISTORY, "cohort": flow} | settings,
    )
    kept = np.arange(n) != 1
    labels, scores = labels[kept], scores.reshape(n, -1)[kept]
    picture = np.full((30, 40, 3), 90, np.uint8)
    mistakes = tuple(
        Mistake(case=case, image=picture, saliency=np.eye(4))
        for case in worst_cases(readings, reference, manifest=manifest, each=1)
    )
    found = with_clinic(found, labels, scores) if clinic else without_clinic(found)
    return Made(found, manifest, labels, scores, mistakes)


def without_clinic(found: Evaluation) -> Evaluation:
    """As an evaluation.json of before: nothing beside the figures and their curves."""
    bare = {"clinical": Clinical()}
    return found.model_copy(
        update={
            "findings": tuple(one.model_copy(update=bare) for one in found.findings),
            "triage": found.triage and found.triage.model_copy(update=bare),
            "subgroups": (),
            "calibration": (),
            "abstention": (),
            "learning": (),
        }
    )


def with_clinic(found: Evaluation, labels: np.ndarray, scores: np.ndarray) -> Evaluation:
    """The evaluation with everything that a clinic asks."""
    columns = [(labels[:, k], scores[:, k]) for k in range(labels.shape[1])]
    triage = found.triage
    if found.task == "multiclass" and triage:
        urgent = [found.classes.index(name) for name in triage.urgent]
        whole = labels[:, urgent].max(axis=1), scores[:, urgent].sum(axis=1)
        triage = triage.model_copy(update={"clinical": make_clinical(*whole)})
    keys = [one.name for one in found.findings]
    return found.model_copy(
        update={
            "findings": tuple(
                one.model_copy(update={"clinical": make_clinical(*column)})
                for one, column in zip(found.findings, columns, strict=True)
            ),
            "triage": triage,
            "subgroups": tuple(
                make_subgroups(column, key, statistic)
                for key in (keys if found.task != "multiclass" else ["urgent"])[:2]
                for column in ("sex", "age")
                for statistic in ("roc_auc", "sensitivity")
            ),
            "calibration": tuple(
                CalibrationResult(
                    of=key,
                    kind="platt",
                    log_loss={"temperature": 0.431, "platt": 0.412, "isotonic": 0.44},
                    error_before=0.112,
                    error_after=0.046,
                    log_loss_before=0.502,
                    log_loss_after=0.415,
                )
                for key in keys
            ),
            "abstention": (
                Abstention(
                    of=keys[0],
                    asked=0.95,
                    in_force=False,
                    coverage={keys[0]: figure(0.957), "other": figure(0.948)},
                    answered=figure(0.713),
                    right=figure(0.931),
                    right_of_all=figure(0.842),
                ),
            ),
            "learning": tuple(
                LearningPoint(
                    share=share, patients=int(60 * share), images=int(90 * share), auc=auc, low=auc - 0.02,
                    high=auc + 0.015,
                )
                for share, auc in ((0.125, 0.71), (0.25, 0.78), (0.5, 0.82), (1.0, 0.851))
            ),
        }
    )  # fmt: skip


def figure(value: float, width: float = 0.06) -> Figure:
    return Figure(value=value, low=max(0.0, value - width), high=min(1.0, value + width))


def rates(truth: np.ndarray, values: np.ndarray, threshold: float) -> tuple[float, float]:
    """Sensitivity and specificity, counted."""
    called = values >= threshold
    return float(called[truth == 1].mean()), float((~called)[truth == 0].mean())


def make_clinical(truth: np.ndarray, values: np.ndarray) -> Clinical:
    """Every part of it, counted from labels and scores."""
    values = np.float32(values).astype(float)
    if not 0 < truth.sum() < truth.size:
        return Clinical()
    thresholds = np.unique(np.append(values, 1.0))
    swept = [rates(truth, values, t) for t in thresholds]
    at = np.linspace(0.01, 0.99, 99)
    share = truth.mean()
    reader = [
        share * rates(truth, values, t)[0] - (1 - share) * (1 - rates(truth, values, t)[1]) * t / (1 - t)
        for t in at
    ]
    sensitivity, specificity = rates(truth, values, 0.5)
    predictive = []
    for p in PREVALENCES:
        hits, alarms = p * sensitivity, (1 - p) * (1 - specificity)
        rests, losses = (1 - p) * specificity, p * (1 - sensitivity)
        predictive.append(
            PredictiveValue(
                prevalence=p, ppv=figure(hits / (hits + alarms)), npv=figure(rests / (rests + losses))
            )
        )
    return Clinical(
        sweep=Sweep(
            threshold=tuple(thresholds),
            sensitivity=tuple(one for one, _ in swept),
            specificity=tuple(one for _, one in swept),
        ),
        fixed=(
            FixedPoint(held="sensitivity", at=0.9, threshold=0.31, other=figure(0.71)),
            FixedPoint(held="specificity", at=0.9, threshold=0.66, other=figure(0.64)),
        ),
        predictive=tuple(predictive),
        net_benefit=NetBenefit(
            threshold=tuple(at),
            reader=tuple(reader),
            low=tuple(one - 0.03 for one in reader),
            high=tuple(one + 0.03 for one in reader),
            everyone=tuple(share - (1 - share) * at / (1 - at)),
        ),
    )


def make_subgroups(column: str, of: str, statistic: str) -> SubgroupTable:
    """A table of a column, with one subgroup that stands apart and one of which nothing is known."""
    kinds = {"sex": ("F", "M"), "age": ("under 40", "40 to 60", "60 and over", "not stated")}[column]
    rows = []
    for k, kind in enumerate(kinds):
        value = float("nan") if kind == "not stated" else 0.86 - 0.05 * k
        p = float("nan") if kind == "not stated" else 0.4 / (1 + 20 * k)
        rows.append(
            SubgroupRow(
                name=kind,
                images=300 // (k + 1),
                patients=120 // (k + 1),
                positives=60 // (k + 1),
                negatives=240 // (k + 1),
                figure=Figure(
                    value=value, low=value - 0.05 - 0.02 * k, high=min(1.0, value + 0.05 + 0.02 * k)
                ),
                rest=figure(0.84),
                difference=Figure(value=value - 0.84, low=value - 0.92, high=value - 0.78),
                p_value=p,
                p_holm=min(1.0, 2 * p) if p == p else p,
            )
        )
    return SubgroupTable(column=column, of=of, statistic=statistic, rows=tuple(rows))
