"""Readers side by side on the same images: paired differences with intervals and tests, by patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from overread.evaluation.compared_targets import Target, View, all_targets
from overread.evaluation.comparison import (
    ComparedReader,
    Comparison,
    PairedDecisions,
    PairedFigure,
    PairOnTarget,
    ReaderOnTarget,
    ReaderPair,
)
from overread.evaluation.curves import RocCurve, roc_curve
from overread.evaluation.delong import delong_difference, delong_interval
from overread.evaluation.figures import Figure
from overread.evaluation.intervals import bootstrap, exact_interval, percentile_interval
from overread.evaluation.join import join_readings
from overread.evaluation.mcnemar import mcnemar
from overread.evaluation.multiplicity import holm
from overread.evaluation.shared_images import (
    Candidate,
    SharedImages,
    agreed_urgent,
    check_candidates,
    left_out_sentence,
    shared_images,
)
from overread.evaluation.statistics import Array

_NO_SPREAD = 1e-12
# Proportions, and the truths of the images that they are proportions of.
_SIDES = {"sensitivity": (1,), "specificity": (0,), "accuracy": (0, 1)}


def compare_readers(
    candidates: Sequence[Candidate],
    reference: pa.Table,
    *,
    all_pairs: bool = False,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    notes: Sequence[str] = (),
) -> Comparison:
    """Compare readers on the images that all of them have read and whose label is known.

    The difference of two ROC areas has DeLong's interval and test, summed by patient (Obuchowski 1997); that
    of decisions McNemar's test; every other difference a bootstrap interval over the same resamples of
    patients. P values are adjusted after Holm over all pairs and targets that share a test.

    Args:
        candidates: At least two; the first is the baseline.
        reference: The cohort's table: image_id, target, split and patient_id.
        all_pairs: Compare each reader with each, not with the first alone.
        resamples: Of the patient-clustered bootstrap.
        seed: Of the bootstrap.
        level: Share that an interval should cover.
        notes: Sentences that stand before those of the comparison.

    Raises:
        UsageError: There are fewer than two, or two of one name.
        EvaluationError: They do not answer the same question, or have no image in common.
    """
    check_candidates(candidates)
    evaluations = [one.evaluation for one in candidates]
    split = evaluations[0].split
    joined = [join_readings(one.readings, reference, manifest=one, split=split) for one in candidates]
    shared = shared_images(candidates, joined)
    urgent, said = agreed_urgent(candidates)
    targets = all_targets(evaluations, shared.labels, shared.scores, urgent=urgent)
    values, draws = _resampled(targets, shared, resamples=resamples, seed=seed)
    entries = [
        ComparedReader(
            name=one.name,
            bundle=one.label,
            read=found.counts.used,
            rejected=found.counts.rejected,
            missing=found.counts.missing,
            cannot_assess=int((shared.decisions[index] == "cannot-assess").sum()),
            targets=tuple(
                _on_target(target, index, values, draws, patients=shared.patients, level=level)
                for target in targets
            ),
        )
        for index, (one, found) in enumerate(zip(candidates, joined, strict=True))
    ]
    numbers = range(len(candidates))
    chosen = combinations(numbers, 2) if all_pairs else ((0, other) for other in numbers[1:])
    pairs = [
        ReaderPair(
            baseline=candidates[first].name,
            reader=candidates[second].name,
            targets=tuple(
                _pair(target, (first, second), values, draws, shared=shared, level=level)
                for target in targets
            ),
        )
        for first, second in chosen
    ]
    images = joined[0].counts.images
    left_out = images - len(shared.ids)
    if left_out:
        said = [*said, left_out_sentence(left_out, images, candidates, joined)]
    return Comparison(
        task=evaluations[0].task,
        classes=evaluations[0].classes,
        urgent=urgent,
        split=split,
        images=images,
        compared=len(shared.ids),
        patients=len(np.unique(shared.patients)),
        left_out=left_out,
        readers=tuple(entries),
        targets=tuple(target.shown for target in targets),
        pairs=_adjusted(pairs),
        resamples=resamples,
        seed=seed,
        level=level,
        notes=(*notes, *said),
    )


_Key = tuple[str, int, str]
"""A target's name, the number of a reader, a figure."""


def _resampled(
    targets: Sequence[Target], shared: SharedImages, *, resamples: int, seed: int
) -> tuple[dict[_Key, float], dict[_Key, Array]]:
    """Every figure of every reader on the shared images, and on the same resamples of their patients."""
    sides = [
        (target.shown.name, index, view) for target in targets for index, view in enumerate(target.views)
    ]
    statistics = {
        (name, index, figure): statistic
        for name, index, view in sides
        for figure, statistic in (*view.statistics.items(), ("roc_auc", view.area))
        if statistic is not None
    }
    keys = {f"{number}": key for number, key in enumerate(statistics)}
    numbered = {number: statistics[key] for number, key in keys.items()}
    drawn = bootstrap(numbered, shared.patients, resamples=resamples, seed=seed)
    draws = {keys[number]: row for number, row in drawn.items()}
    once = np.ones((1, len(shared.ids)))
    values = {key: float(statistic(once)[0]) for key, statistic in statistics.items()}
    for name, index, view in sides:
        for figure, of in view.means.items():
            members: list[_Key] = [(one, index, figure) for one in of]
            empty = np.full(resamples, np.nan)
            draws[name, index, figure] = np.mean([draws[one] for one in members], axis=0) if of else empty
            values[name, index, figure] = float(np.mean([values[one] for one in members])) if of else np.nan
    return values, draws


def _on_target(
    target: Target,
    index: int,
    values: Mapping[_Key, float],
    draws: Mapping[_Key, Array],
    *,
    patients: NDArray[np.str_],
    level: float,
) -> ReaderOnTarget:
    view = target.views[index]
    figures: dict[str, Figure] = {}
    curve = RocCurve()
    if view.scores is not None:
        area = delong_interval(target.truth, view.scores, groups=patients, level=level)
        figures["roc_auc"] = Figure(
            value=area.value,
            low=area.low,
            high=area.high,
            method="none" if np.isnan(area.low) else "delong",
        )
        curve = roc_curve(target.truth, view.scores)
    for name in view.resampled:
        key = (target.shown.name, index, name)
        found = percentile_interval(values[key], draws[key], level=level)
        low, high, method = found.low, found.high, found.method
        if not high - low > _NO_SPREAD:  # also where the bounds are NaN
            low, high, method = np.nan, np.nan, "none"
        if name in _SIDES and found.value in (0.0, 1.0):
            # Every resample repeats a 0 or a 1. Whole patients are counted: the cautious side.
            trials = np.unique(patients[np.isin(target.truth, _SIDES[name])]).size
            low, high = exact_interval(trials if found.value else 0, trials, level=level)
            method = "exact"
        figures[name] = Figure(
            value=found.value, low=low, high=high, undefined=found.undefined, method=method
        )
    return ReaderOnTarget(target=target.shown.name, threshold=view.threshold, figures=figures, roc=curve)


def _pair(
    target: Target,
    pair: tuple[int, int],
    values: Mapping[_Key, float],
    draws: Mapping[_Key, Array],
    *,
    shared: SharedImages,
    level: float,
) -> PairOnTarget:
    first, second = pair
    baseline, reader = target.views[first], target.views[second]
    same = bool((shared.scores[first] == shared.scores[second]).all()) and _equal(baseline, reader)
    figures: dict[str, PairedFigure] = {}
    if baseline.scores is not None and reader.scores is not None:
        areas = delong_difference(
            target.truth, reader.scores, baseline.scores, groups=shared.patients, level=level
        )
        figures["roc_auc"] = PairedFigure(
            baseline=areas.second,
            reader=areas.first,
            difference=areas.difference,
            low=areas.low,
            high=areas.high,
            p_value=areas.p_value,
            method="none" if np.isnan(areas.low) else "delong",
        )
    for name in baseline.resampled:
        if name not in reader.resampled:
            continue
        one, other = ((target.shown.name, index, name) for index in pair)
        figures[name] = _difference(
            values[one], values[other], draws[other] - draws[one], same=same, level=level
        )
    decisions = None
    if baseline.called is not None and reader.called is not None:
        decisions = _decisions(target.truth, baseline.called, reader.called, patients=shared.patients)
        for name, side in (("sensitivity", 1), ("specificity", 0)):
            if name in figures:
                # With the other truth left unstated McNemar's test is one of sensitivity, or of specificity.
                part = np.where(target.truth == side, target.truth, np.nan)
                found = _decisions(part, baseline.called, reader.called, patients=shared.patients)
                figures[name] = figures[name].model_copy(update={"p_value": found.p_value})
    return PairOnTarget(target=target.shown.name, figures=figures, decisions=decisions)


def _equal(baseline: View, reader: View) -> bool:
    if baseline.called is None or reader.called is None:
        return baseline.called is reader.called
    return bool((baseline.called == reader.called).all())


def _difference(baseline: float, reader: float, draws: Array, *, same: bool, level: float) -> PairedFigure:
    found = percentile_interval(reader - baseline, draws, level=level)
    low, high = found.low, found.high
    if not high - low > _NO_SPREAD:
        # One and the same reader cannot differ; two that did not differ here may elsewhere.
        low = high = 0.0 if same and not np.isnan(found.value) else np.nan
    return PairedFigure(
        baseline=baseline,
        reader=reader,
        difference=found.value,
        low=low,
        high=high,
        method="none" if np.isnan(low) else "bootstrap",
    )


def _decisions(
    truth: Array, baseline: NDArray[np.bool_], reader: NDArray[np.bool_], *, patients: NDArray[np.str_]
) -> PairedDecisions:
    stated = patients[~np.isnan(truth)]
    alone = np.unique(stated).size == stated.size
    found = mcnemar(truth, baseline, reader, groups=None if alone else patients)
    return PairedDecisions(
        baseline_only=found.first_only,
        reader_only=found.second_only,
        images=found.images,
        p_value=found.p_value,
        method=found.method,
    )


def _adjusted(pairs: Sequence[ReaderPair]) -> tuple[ReaderPair, ...]:
    """Holm over all pairs and targets, for each test by itself."""
    families: dict[str, list[float]] = {}
    for one in _tests(pairs):
        families.setdefault(one[0], []).append(one[1])
    left = {name: list(holm(values)) for name, values in families.items()}

    def adjusted(on: PairOnTarget) -> PairOnTarget:
        figures = {
            name: figure.model_copy(update={"adjusted": float(left[name].pop(0))})
            for name, figure in on.figures.items()
        }
        decisions = on.decisions and on.decisions.model_copy(
            update={"adjusted": float(left["decisions"].pop(0))}
        )
        return on.model_copy(update={"figures": figures, "decisions": decisions})

    return tuple(
        pair.model_copy(update={"targets": tuple(adjusted(one) for one in pair.targets)}) for pair in pairs
    )


def _tests(pairs: Sequence[ReaderPair]) -> list[tuple[str, float]]:
    """(test, p) in the order in which they are adjusted; figures without a test are NaN and do not count."""
    found = []
    for pair in pairs:
        for one in pair.targets:
            found += [(name, figure.p_value) for name, figure in one.figures.items()]
            if one.decisions is not None:
                found.append(("decisions", one.decisions.p_value))
    return found
