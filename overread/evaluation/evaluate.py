"""From readings and reference standard to an evaluation: every figure with its interval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from overread.bundle.manifest import ManifestDraft
from overread.bundle.triage import DECISIONS
from overread.evaluation import curves as cv
from overread.evaluation import metrics as mt
from overread.evaluation import statistics as st
from overread.evaluation.delong import delong_interval
from overread.evaluation.figures import Figure, Method
from overread.evaluation.intervals import bootstrap, exact_interval, percentile_interval
from overread.evaluation.join import JoinedReadings, join_readings
from overread.evaluation.measures import (
    CALIBRATION_BINS,
    Mask,
    all_measures,
    ranked_scores,
    threshold_of,
    urgent_scores,
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
from overread.evaluation.statistics import Array


def evaluate_readings(
    readings: pa.Table,
    reference: pa.Table,
    *,
    manifest: ManifestDraft,
    split: str = "test",
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
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
    figures, bands = _figures(joined, manifest, resamples=resamples, seed=seed, level=level)
    findings = tuple(
        Finding(
            name=name,
            positives=int((joined.labels[:, index] == 1).sum()),
            negatives=int((joined.labels[:, index] == 0).sum()),
            unstated=int(np.isnan(joined.labels[:, index]).sum()),
            threshold=threshold_of(manifest, name),
            figures=_part(figures, f"finding/{index}"),
            curves=_curves(
                joined.labels[:, index], joined.scores[:, index], bands[f"finding/{index}"], level=level
            ),
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
        triage=_triage(joined, manifest, figures=_part(figures, "triage"), bands=bands, level=level),
        confusion=_confusion(joined, manifest),
        history=tuple(HistoryRow.model_validate(row, from_attributes=True) for row in history),
        notes=tuple(notes),
    )


def _figures(
    joined: JoinedReadings, manifest: ManifestDraft, *, resamples: int, seed: int, level: float
) -> tuple[dict[str, Figure], dict[str, tuple[Array, Array]]]:
    """Every figure by name, and the ROC band of every group: all from the same resamples."""
    measures = all_measures(joined, manifest=manifest)
    ranked = ranked_scores(joined, manifest=manifest)
    statistics = {name: one.statistic for name, one in measures.items() if one.statistic} | {
        f"{group}/ranking": st.ranking_of(truth, scores, false_positive_rates=cv.BAND_RATES)
        for group, (truth, scores) in ranked.items()
    }
    draws = bootstrap(statistics, joined.patient, resamples=resamples, seed=seed)
    once = np.ones((1, len(joined.image_id)))
    values = {name: statistic(once) for name, statistic in statistics.items()}
    bands = {group: _band(draws[f"{group}/ranking"][:, 2:], level=level) for group in ranked}
    for group in ranked:
        for column, name in enumerate(("roc_auc", "average_precision")):
            draws[f"{group}/{name}"] = draws[f"{group}/ranking"][:, column]
            values[f"{group}/{name}"] = values[f"{group}/ranking"][:, column]
    figures: dict[str, Figure] = {}
    for name, measure in measures.items():
        baseline = measure.baseline
        if measure.members:
            defined = [one for one in measure.members if not np.isnan(values[one][0])]
            baseline = mt.macro_mean([measures[one].baseline for one in defined])
            draws[name] = _mean([draws[one] for one in defined], size=resamples)
            values[name] = _mean([values[one] for one in defined], size=1)
        figures[name] = _figure(
            float(values[name][0]), draws[name], measure.whole, baseline, patients=joined.patient, level=level
        )
    for group, (truth, scores) in ranked.items():
        area = figures[f"{group}/roc_auc"]
        found = delong_interval(truth, scores, groups=joined.patient, level=level)
        method: Method = "none" if np.isnan(found.low) else "delong"
        figures[f"{group}/roc_auc_delong"] = Figure(
            value=area.value, low=found.low, high=found.high, method=method, baseline=area.baseline
        )
    return figures, bands


def _mean(parts: Sequence[Array], *, size: int) -> Array:
    return np.asarray(np.mean(parts, axis=0), np.float64) if parts else np.full(size, np.nan)


def _figure(
    value: float,
    draws: Array,
    whole: Mask | None,
    baseline: float,
    *,
    patients: NDArray[np.str_],
    level: float,
) -> Figure:
    found = percentile_interval(value, draws, level=level)
    low, high, method = found.low, found.high, found.method
    if whole is not None and value in (0.0, 1.0):
        # Every resample repeats a 0 or a 1. Whole patients are counted: the cautious side.
        trials = np.unique(patients[whole]).size
        low, high = exact_interval(trials if value else 0, trials, level=level)
        method = "exact"
    elif method == "bootstrap" and high - low < 1e-12:
        low, high, method = np.nan, np.nan, "none"
    return Figure(
        value=value, low=low, high=high, undefined=found.undefined, method=method, baseline=baseline
    )


def _part(figures: Mapping[str, Figure], group: str) -> dict[str, Figure]:
    start = group + "/"
    return {name.removeprefix(start): one for name, one in figures.items() if name.startswith(start)}


def _band(draws: Array, *, level: float) -> tuple[Array, Array]:
    """Pointwise bounds [rates] over the resamples that have a curve; empty where none has."""
    defined = draws[~np.isnan(draws).any(axis=1)]
    if not len(defined):
        return np.empty(0), np.empty(0)
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high


def _curves(truth: Array, scores: Array, edges: tuple[Array, Array], *, level: float) -> Curves:
    roc = cv.roc_curve(truth, scores)
    if roc.sensitivity:
        roc = roc.model_copy(update={"band_low": tuple(edges[0]), "band_high": tuple(edges[1])})
    return Curves(
        roc=roc,
        precision_recall=cv.precision_recall_curve(truth, scores),
        reliability=cv.reliability(truth, scores, bins=CALIBRATION_BINS, level=level),
        histogram=cv.histogram(truth, scores),
    )


def _triage(
    joined: JoinedReadings,
    manifest: ManifestDraft,
    *,
    figures: Mapping[str, Figure],
    bands: Mapping[str, tuple[Array, Array]],
    level: float,
) -> Triage | None:
    if not manifest.triage.urgent:
        return None
    truth = urgent_truth(joined.labels, manifest=manifest)
    sides = {"present": truth == 1, "absent": truth == 0}
    threshold, curves = np.nan, Curves()
    if manifest.task == "multiclass":
        threshold = threshold_of(manifest, "")
        curves = _curves(truth, urgent_scores(joined.scores, manifest=manifest), bands["triage"], level=level)
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
