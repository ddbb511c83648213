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
from overread.evaluation.intervals import bootstrap, exact_interval, percentile_interval
from overread.evaluation.join import JoinedReadings, join_readings
from overread.evaluation.measures import (
    CALIBRATION_BINS,
    Measure,
    all_measures,
    threshold_of,
    urgent_scores,
    urgent_truth,
)
from overread.evaluation.results import (
    CohortFlow,
    Confusion,
    Curves,
    Evaluation,
    Figure,
    Finding,
    HistoryRow,
    Triage,
)
from overread.evaluation.statistics import Array, Statistic


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
    measures, bands = all_measures(joined, manifest=manifest), _roc_bands(joined, manifest)
    statistics = {name: measure.statistic for name, measure in measures.items()} | bands
    draws = bootstrap(statistics, joined.patient, resamples=resamples, seed=seed)
    figures = {
        name: _figure(measure, draws[name], patients=joined.patient, level=level)
        for name, measure in measures.items()
    }
    edges = {name: _band(draws[name], level=level) for name in bands}
    findings = tuple(
        Finding(
            name=name,
            positives=int((joined.labels[:, index] == 1).sum()),
            negatives=int((joined.labels[:, index] == 0).sum()),
            unstated=int(np.isnan(joined.labels[:, index]).sum()),
            threshold=threshold_of(manifest, name),
            figures=_part(figures, f"finding/{index}"),
            curves=_curves(
                joined.labels[:, index], joined.scores[:, index], edges[f"band/{index}"], level=level
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
        triage=_triage(joined, manifest, figures=_part(figures, "triage"), edges=edges, level=level),
        confusion=_confusion(joined, manifest),
        history=tuple(HistoryRow.model_validate(row, from_attributes=True) for row in history),
        notes=tuple(notes),
    )


def _figure(measure: Measure, draws: Array, *, patients: NDArray[np.str_], level: float) -> Figure:
    value = float(measure.statistic(np.ones((1, patients.size)))[0])
    found = percentile_interval(value, draws, level=level)
    low, high, method = found.low, found.high, found.method
    if measure.whole is not None and value in (0.0, 1.0):
        # Every resample repeats a 0 or a 1. Whole patients are counted: the cautious side.
        trials = np.unique(patients[measure.whole]).size
        low, high = exact_interval(trials if value else 0, trials, level=level)
        method = "exact"
    elif method == "bootstrap" and high - low < 1e-12:
        low, high, method = np.nan, np.nan, "none"
    return Figure(
        value=value, low=low, high=high, undefined=found.undefined, method=method, baseline=measure.baseline
    )


def _part(figures: Mapping[str, Figure], group: str) -> dict[str, Figure]:
    start = group + "/"
    return {name.removeprefix(start): one for name, one in figures.items() if name.startswith(start)}


def _roc_bands(joined: JoinedReadings, manifest: ManifestDraft) -> dict[str, Statistic]:
    bands = {
        f"band/{index}": st.roc_at_of(
            joined.labels[:, index], joined.scores[:, index], false_positive_rates=cv.BAND_RATES
        )
        for index in range(len(manifest.classes))
    }
    if manifest.task == "multiclass" and manifest.triage.urgent:
        truth = urgent_truth(joined.labels, manifest=manifest)
        scores = urgent_scores(joined.scores, manifest=manifest)
        bands["band/triage"] = st.roc_at_of(truth, scores, false_positive_rates=cv.BAND_RATES)
    return bands


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
    edges: Mapping[str, tuple[Array, Array]],
    level: float,
) -> Triage | None:
    if not manifest.triage.urgent:
        return None
    truth = urgent_truth(joined.labels, manifest=manifest)
    sides = {"present": truth == 1, "absent": truth == 0}
    threshold, curves = np.nan, Curves()
    if manifest.task == "multiclass":
        threshold = threshold_of(manifest, "")
        curves = _curves(
            truth, urgent_scores(joined.scores, manifest=manifest), edges["band/triage"], level=level
        )
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
