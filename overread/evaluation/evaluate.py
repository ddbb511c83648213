"""From readings and reference standard to an evaluation: every figure with its interval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from overread.bundle.manifest import ConformalRule, ManifestDraft
from overread.bundle.triage import DECISIONS
from overread.evaluation import curves as cv
from overread.evaluation import metrics as mt
from overread.evaluation.abstention import abstention_statistics, abstentions_of, all_answered
from overread.evaluation.asked import ASKED, Asked
from overread.evaluation.calibration_results import calibration_results
from overread.evaluation.clinical import Clinical, LearningPoint
from overread.evaluation.clinical_figures import (
    Scored,
    clinical_of,
    clinical_statistics,
    predictive_statistics,
    predictive_values,
    ranking_statistic,
)
from overread.evaluation.delong import delong_interval
from overread.evaluation.drawn import Drawn
from overread.evaluation.figures import Figure, Method
from overread.evaluation.join import JoinedReadings, join_readings
from overread.evaluation.measures import (
    CALIBRATION_BINS,
    Measure,
    all_measures,
    all_scored,
    called_urgent,
    threshold_of,
    urgent_truth,
)
from overread.evaluation.results import (
    CohortFlow,
    Confusion,
    Curves,
    Evaluation,
    Finding,
    HistoryRow,
    Triage,
)
from overread.evaluation.statistics import Array, Statistic
from overread.evaluation.subgroup_tables import all_compared, subgroup_statistics, subgroup_tables


def evaluate_readings(
    readings: pa.Table,
    reference: pa.Table,
    *,
    manifest: ManifestDraft,
    split: str = "test",
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    asked: Asked = ASKED,
    calibration_losses: Mapping[str, Mapping[str, float]] | None = None,
    conformal: ConformalRule | None = None,
    learning: Sequence[LearningPoint] = (),
    history: Iterable[Mapping[str, Any] | HistoryRow] = (),
    notes: Sequence[str] = (),
    cohort: CohortFlow | None = None,
    test_reads: int | None = None,
) -> Evaluation:
    """Evaluate a reader on the images of one split.

    All figures are over the images that were read and labelled, those that the triage rule set aside as
    cannot-assess included; only the shares of decisions (`Triage`) follow the decisions as they stand.

    Args:
        readings: Of the bundle; see `join_readings`.
        reference: The cohort's table, or its rows of the split.
        manifest: Of the bundle: classes, thresholds, triage rule.
        split: The split to evaluate.
        resamples: Bootstrap resamples of patients.
        seed: Of the bootstrap.
        level: Share that an interval should cover.
        asked: Where the reader is looked at more closely.
        calibration_losses: Of training: finding → kind → log loss on patients left out.
        conformal: Of training: what a conformal rule would say, where the bundle has none.
        learning: Of training: the learning curve.
        history: Epochs of training, for the report.
        notes: Plain sentences that the report must show.
        cohort: What was found, read and rejected at ingest.
        test_reads: How often this cohort's test split was read, this time included.

    Raises:
        EvaluationError: Readings, reference and manifest do not belong together, or nothing is left.
    """
    joined = join_readings(readings, reference, manifest=manifest, split=split)
    if manifest.task == "multiclass":
        mt.classified(joined.labels, joined.scores)
    measures, scored = all_measures(joined, manifest=manifest), all_scored(joined, manifest=manifest)
    compared = all_compared(joined, reference, manifest=manifest, asked=asked)
    rule = manifest.triage.conformal or conformal
    answered = all_answered(joined, rule=rule, manifest=manifest) if rule else {}
    drawn = _draw(
        joined,
        measures,
        scored,
        subgroup_statistics(compared) | abstention_statistics(answered),
        manifest=manifest,
        asked=asked,
        resamples=resamples,
        seed=seed,
        level=level,
    )
    figures = _figures(measures, scored, drawn)
    findings = tuple(
        Finding(
            name=name,
            positives=int((joined.labels[:, index] == 1).sum()),
            negatives=int((joined.labels[:, index] == 0).sum()),
            unstated=int(np.isnan(joined.labels[:, index]).sum()),
            threshold=threshold_of(manifest, name),
            figures=_part(figures, f"finding/{index}"),
            curves=_curves(f"finding/{index}", scored[f"finding/{index}"], drawn=drawn),
            clinical=clinical_of(f"finding/{index}", scored[f"finding/{index}"], drawn=drawn, asked=asked),
        )
        for index, name in enumerate(manifest.classes)
    )
    undefined = tuple(one.name for one in findings if np.isnan(one.figures["roc_auc"].value))
    return Evaluation(
        bundle=manifest.label,
        task=manifest.task,
        classes=manifest.classes,
        split=split,
        cohort_hash=manifest.provenance.cohort_hash,
        counts=joined.counts,
        cohort=cohort,
        test_reads=test_reads,
        resamples=resamples,
        seed=seed,
        level=level,
        overall=dict(findings[0].figures) if manifest.task == "binary" else _part(figures, "overall"),
        undefined_findings=undefined,
        findings=findings,
        triage=_triage(
            joined,
            manifest,
            figures=_part(figures, "triage"),
            scored=scored,
            drawn=drawn,
            asked=asked,
        ),
        confusion=_confusion(joined, manifest),
        subgroups=subgroup_tables(compared, drawn=drawn),
        calibration=calibration_results(joined, manifest=manifest, losses=calibration_losses or {}),
        abstention=abstentions_of(
            answered, rule=rule, in_force=manifest.triage.conformal is not None, drawn=drawn
        )
        if rule
        else (),
        learning=tuple(learning),
        history=tuple(HistoryRow.model_validate(row, from_attributes=True) for row in history),
        notes=tuple(notes),
    )


def _draw(
    joined: JoinedReadings,
    measures: Mapping[str, Measure],
    scored: Mapping[str, Scored],
    others: Mapping[str, Statistic],
    *,
    manifest: ManifestDraft,
    asked: Asked,
    resamples: int,
    seed: int,
    level: float,
) -> Drawn:
    """Every statistic of the evaluation on the same resamples."""
    statistics = {name: one.statistic for name, one in measures.items() if one.statistic} | dict(others)
    for group, one in scored.items():
        statistics[f"{group}/ranking"] = ranking_statistic(one, asked=asked)
        statistics |= clinical_statistics(group, one, asked=asked)
    if manifest.task == "multilabel" and manifest.triage.urgent:
        truth = urgent_truth(joined.labels, manifest=manifest)
        called = called_urgent(joined.scores, manifest=manifest)
        statistics |= predictive_statistics("triage", truth, called, asked=asked)
    return Drawn.of(statistics, joined.patient, resamples=resamples, seed=seed, level=level)


def _figures(
    measures: Mapping[str, Measure], scored: Mapping[str, Scored], drawn: Drawn
) -> dict[str, Figure]:
    """Every figure by name: those of a statistic, of a ranking, and means over the findings."""
    values, draws = dict(drawn.values), dict(drawn.draws)
    for group in scored:
        for column, name in enumerate(("roc_auc", "average_precision")):
            draws[f"{group}/{name}"] = draws[f"{group}/ranking"][:, column]
            values[f"{group}/{name}"] = values[f"{group}/ranking"][:, column]
    figures: dict[str, Figure] = {}
    for name, measure in measures.items():
        baseline = measure.baseline
        if measure.members:
            defined = [one for one in measure.members if not np.isnan(values[one][0])]
            baseline = mt.macro_mean([measures[one].baseline for one in defined])
            draws[name] = _mean([draws[one] for one in defined], size=len(next(iter(draws.values()))))
            values[name] = _mean([values[one] for one in defined], size=1)
        figures[name] = drawn.figure_of(
            float(values[name][0]), draws[name], whole=measure.whole, baseline=baseline
        )
    for group, one in scored.items():
        area = figures[f"{group}/roc_auc"]
        found = delong_interval(one.truth, one.scores, groups=drawn.patients, level=drawn.level)
        method: Method = "none" if np.isnan(found.low) else "delong"
        figures[f"{group}/roc_auc_delong"] = Figure(
            value=area.value, low=found.low, high=found.high, method=method, baseline=area.baseline
        )
    return figures


def _mean(parts: Sequence[Array], *, size: int) -> Array:
    return np.asarray(np.mean(parts, axis=0), np.float64) if parts else np.full(size, np.nan)


def _part(figures: Mapping[str, Figure], group: str) -> dict[str, Figure]:
    start = group + "/"
    return {name.removeprefix(start): one for name, one in figures.items() if name.startswith(start)}


def _curves(group: str, one: Scored, *, drawn: Drawn) -> Curves:
    truth, scores = one.truth, one.scores
    roc = cv.roc_curve(truth, scores)
    if roc.sensitivity:
        low, high = drawn.band(f"{group}/ranking", slice(2, 2 + cv.BAND_RATES.size))
        roc = roc.model_copy(update={"band_low": tuple(low), "band_high": tuple(high)})
    return Curves(
        roc=roc,
        precision_recall=cv.precision_recall_curve(truth, scores),
        reliability=cv.reliability(truth, scores, bins=CALIBRATION_BINS, level=drawn.level),
        histogram=cv.histogram(truth, scores),
    )


def _triage(
    joined: JoinedReadings,
    manifest: ManifestDraft,
    *,
    figures: Mapping[str, Figure],
    scored: Mapping[str, Scored],
    drawn: Drawn,
    asked: Asked,
) -> Triage | None:
    if not manifest.triage.urgent:
        return None
    truth = urgent_truth(joined.labels, manifest=manifest)
    sides = {"present": truth == 1, "absent": truth == 0}
    threshold, curves = np.nan, Curves()
    clinical = Clinical(predictive=predictive_values("triage", drawn=drawn, asked=asked))
    if manifest.task == "multiclass":
        one = scored["triage"]
        threshold, curves = one.threshold, _curves("triage", one, drawn=drawn)
        clinical = clinical_of("triage", one, drawn=drawn, asked=asked)
    elif manifest.task == "binary":
        threshold = threshold_of(manifest, manifest.classes[0])
    return Triage(
        urgent=manifest.triage.urgent,
        positives=int(sides["present"].sum()),
        negatives=int(sides["absent"].sum()),
        threshold=threshold,
        decisions={
            side: {decision: int((joined.decisions[here] == decision).sum()) for decision in DECISIONS}
            for side, here in sides.items()
        },
        figures=dict(figures),
        curves=curves,
        clinical=clinical,
    )


def _confusion(joined: JoinedReadings, manifest: ManifestDraft) -> Confusion | None:
    if manifest.task != "multiclass":
        return None
    stated = ~np.isnan(joined.labels).any(axis=1)
    size = len(manifest.classes)
    table = mt.confusion(
        joined.labels[stated].argmax(axis=1), joined.scores[stated].argmax(axis=1), rows=size, columns=size
    )
    return Confusion(classes=manifest.classes, counts=tuple(tuple(int(n) for n in row) for row in table))
