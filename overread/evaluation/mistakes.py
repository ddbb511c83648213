"""Which images a report should show: those that the reader got most wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from overread.bundle.manifest import ManifestDraft
from overread.errors import EvaluationError
from overread.evaluation.join import JoinedReadings, join_readings
from overread.evaluation.measures import threshold_of, urgent_scores, urgent_truth
from overread.evaluation.metrics import scored
from overread.evaluation.statistics import Array


@dataclass(frozen=True)
class Case:
    """One wrong reading, before anybody opened the image.

    Attributes:
        image_id: Of the cohort.
        kind: "missed" (present, scored below the threshold) or "false-alarm".
        finding: The class concerned; for multiclass the true class of a missed image, the most likely
            urgent class of a false alarm.
        class_index: Its index, which is that of the saliency map to show.
        truth: What the reference says, in words.
        score: Of the finding (multiclass: of the sum of the urgent classes).
        threshold: That the score was held against; NaN without an operating point.
        decision: urgent, routine or cannot-assess.
    """

    image_id: str
    kind: Literal["missed", "false-alarm"]
    finding: str
    class_index: int
    truth: str
    score: float
    threshold: float
    decision: str


@dataclass(frozen=True)
class Mistake:
    """A wrong reading with its picture, as the report shows it.

    Attributes:
        case: Which image, and what is wrong.
        image: The encoded file, or uint8 [H, W, 3].
        saliency: float [h, w], what the reader looked at, any scale; None where there is none.
    """

    case: Case
    image: bytes | NDArray[np.uint8]
    saliency: NDArray[np.floating] | None = None


def select_mistakes(
    ids: Sequence[str], labels: ArrayLike, *, scores: ArrayLike, threshold: float, each: int = 6
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The worst mistakes of one score: (false negatives, false positives), the worst first.

    Args:
        ids: [n], unique; equal scores are ordered by them.
        labels: float [n], 1, 0, NaN not stated.
        scores: float [n], 0..1.
        threshold: A score at or above it is called. NaN: every positive and every negative may be shown.
        each: How many of either kind at most.

    Returns:
        Positives with the lowest scores, and negatives with the highest.

    Example:
        >>> select_mistakes(["a", "b", "c", "d"], [1, 1, 0, 0], scores=[0.1, 0.9, 0.7, 0.2], threshold=0.5)
        (('a',), ('c',))
    """
    truth, values = scored(labels, scores)
    if len(ids) != truth.size:
        raise EvaluationError(f"expected one id a label, got {len(ids)} ids and {truth.size} labels")
    ranked = sorted(range(truth.size), key=lambda index: (values[index], ids[index]))
    low = [k for k in ranked if truth[k] == 1 and not values[k] >= threshold]
    high = [
        k
        for k in sorted(ranked, key=lambda index: (-values[index], ids[index]))
        if truth[k] == 0 and not values[k] < threshold
    ]
    return tuple(ids[k] for k in low[:each]), tuple(ids[k] for k in high[:each])


def worst_cases(
    readings: pa.Table, reference: pa.Table, *, manifest: ManifestDraft, split: str = "test", each: int = 6
) -> tuple[Case, ...]:
    """The worst mistakes of a reader: up to `each` missed, then up to `each` false alarms.

    Multiclass is judged on the sum of the urgent classes. Multilabel takes the urgent classes (all of
    them, if none is urgent) in turn, and of each image its worst mistake. Arguments as `evaluate_readings`.
    """
    joined = join_readings(readings, reference, manifest=manifest, split=split)
    if manifest.task == "multiclass":
        return _of_multiclass(joined, manifest, each=each)
    names = manifest.triage.urgent or manifest.classes
    cases = [
        case
        for name in names
        for case in _of_score(joined, manifest, index=manifest.classes.index(name), each=each)
    ]
    chosen: list[Case] = []
    for kind in ("missed", "false-alarm"):
        seen: set[str] = set()
        for case in sorted((one for one in cases if one.kind == kind), key=_decided_first):
            if case.image_id not in seen and len(seen) < each:
                seen.add(case.image_id)
                chosen.append(case)
    return tuple(chosen)


def _decided_first(case: Case) -> tuple[bool, tuple[float, str]]:
    return case.decision == "cannot-assess", _badness(case)


def _badness(case: Case) -> tuple[float, str]:
    """Worst first: how far on the wrong side of its own threshold, as a share of the room there."""
    threshold = 0.5 if np.isnan(case.threshold) else case.threshold
    if case.kind == "missed":
        return case.score / max(threshold, 1e-9), case.image_id
    return (1 - case.score) / max(1 - threshold, 1e-9), case.image_id


def _of_score(joined: JoinedReadings, manifest: ManifestDraft, *, index: int, each: int) -> list[Case]:
    labels, scores = joined.labels[:, index], joined.scores[:, index]
    threshold = threshold_of(manifest, manifest.classes[index])
    rows = _selected(joined, labels, scores, threshold=threshold, each=each)
    return [
        _case(
            joined,
            manifest,
            row,
            missed=labels[row] == 1,
            index=index,
            score=scores[row],
            threshold=threshold,
        )
        for row in rows
    ]


def _of_multiclass(joined: JoinedReadings, manifest: ManifestDraft, *, each: int) -> tuple[Case, ...]:
    if not manifest.triage.urgent:
        return _of_wrong_class(joined, manifest, each=each)
    urgent = [manifest.classes.index(name) for name in manifest.triage.urgent]
    truth = urgent_truth(joined.labels, manifest=manifest)
    scores, threshold = urgent_scores(joined.scores, manifest=manifest), threshold_of(manifest, "")
    cases = []
    for row in _selected(joined, truth, scores, threshold=threshold, each=each):
        missed = truth[row] == 1
        values = joined.labels[row] if missed else joined.scores[row]
        index = max(urgent, key=lambda column: float(values[column]))
        cases.append(
            _case(joined, manifest, row, missed=missed, index=index, score=scores[row], threshold=threshold)
        )
    return tuple(cases)


def _of_wrong_class(joined: JoinedReadings, manifest: ManifestDraft, *, each: int) -> tuple[Case, ...]:
    """Without urgent classes: the wrongly classed images whose own class got the lowest score."""
    cases = []
    for row in np.flatnonzero(~np.isnan(joined.labels).any(axis=1)):
        index = int(joined.labels[row].argmax())
        if joined.scores[row].argmax() != index:
            score = joined.scores[row, index]
            cases.append(
                _case(joined, manifest, int(row), missed=True, index=index, score=score, threshold=np.nan)
            )
    return tuple(sorted(cases, key=_badness)[:each])


def _selected(
    joined: JoinedReadings, labels: Array, scores: Array, *, threshold: float, each: int
) -> list[int]:
    """The worst of either kind, those that were decided before those set aside as cannot-assess."""
    where = {image_id: row for row, image_id in enumerate(joined.image_id)}
    kinds = select_mistakes(
        joined.image_id, labels, scores=scores, threshold=threshold, each=len(joined.image_id)
    )
    rows: list[int] = []
    for kind in kinds:
        ranked = [where[image_id] for image_id in kind]
        rows += sorted(ranked, key=lambda row: bool(joined.decisions[row] == "cannot-assess"))[:each]
    return rows


def _case(
    joined: JoinedReadings,
    manifest: ManifestDraft,
    row: int,
    *,
    missed: bool,
    index: int,
    score: float,
    threshold: float,
) -> Case:
    return Case(
        image_id=joined.image_id[row],
        kind="missed" if missed else "false-alarm",
        finding=manifest.classes[index],
        class_index=index,
        truth=_in_words(joined, manifest, row),
        score=float(score),
        threshold=threshold,
        decision=str(joined.decisions[row]),
    )


def _in_words(joined: JoinedReadings, manifest: ManifestDraft, row: int) -> str:
    present = [name for name, label in zip(manifest.classes, joined.labels[row], strict=True) if label == 1]
    if present:
        return ", ".join(present)
    return f"not {manifest.classes[0]}" if manifest.task == "binary" else "none of the findings"
