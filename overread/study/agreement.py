"""How the small network is brought to say what the whole one says: pure functions of what both say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from overread.bundle import Calibration, ManifestDraft, OperatingPoint, decide
from overread.bundle.manifest import SmallNetwork, Task
from overread.bundle.shrink import Storage
from overread.bundle.small import for_small
from overread.evaluation.metrics import macro_mean, roc_auc
from overread.evaluation.operating import urgent_sum

Array = npt.NDArray[np.float64]
_STEPS = 50
_EDGE = 1e-7  # float32 knows no score between this and 1 or 0 for certain


@dataclass(frozen=True)
class Stretch:
    """A map of logits: `slope * logit + intercept`, one pair a class, or one slope for all (multiclass).

    Attributes:
        slope: Above 0: which of two images scores higher does not change.
        intercept: Of the same length; 0 for multiclass.
    """

    slope: tuple[float, ...]
    intercept: tuple[float, ...]

    @classmethod
    def none(cls, classes: int, *, task: Task) -> Stretch:
        """The map that changes nothing."""
        count = 1 if task == "multiclass" else classes
        return cls((1.0,) * count, (0.0,) * count)

    def of_scores(self, scores: npt.NDArray[np.floating], *, task: Task) -> Array:
        """Scores `[n, classes]` after their logits were mapped; exactly those given where nothing changes."""
        values = np.asarray(scores, np.float64)
        if self == Stretch.none(values.shape[1], task=task):
            return values
        return _scores(_logits(values, task) * self.slope + self.intercept, task)

    def behind(self, calibration: Calibration, *, task: Task) -> Calibration:
        """A calibration of the kinds "platt", "temperature" or "none", followed by this map."""
        pairs = zip(self.slope, self.intercept, calibration.slope, calibration.intercept, strict=True)
        mapped = [(a * slope, a * intercept + b) for a, b, slope, intercept in pairs]
        return Calibration(
            kind="temperature" if task == "multiclass" else "platt",
            slope=tuple(slope for slope, _ in mapped),
            intercept=tuple(intercept for _, intercept in mapped),
        )


def fit_stretch(scores: npt.NDArray[np.floating], wanted: npt.NDArray[np.floating], *, task: Task) -> Stretch:
    """The map that brings scores nearest to others, by log loss with the others as soft targets.

    Args:
        scores: `[n, classes]`, 0..1, of the network to be mapped.
        wanted: `[n, classes]`, of the network to agree with, on the same images.
        task: Multiclass logits share one slope and have no intercept.
    """
    ours, theirs = np.asarray(scores, np.float64), np.asarray(wanted, np.float64)
    if task == "multiclass":
        return Stretch((_temperature(_logits(ours, task), theirs),), (0.0,))
    fitted = [_line(_logits(ours, task)[:, at], theirs[:, at]) for at in range(ours.shape[1])]
    return Stretch(tuple(slope for slope, _ in fitted), tuple(intercept for _, intercept in fitted))


def agreeing_threshold(values: Array, called: npt.NDArray[np.bool_], *, start: float) -> float:
    """The threshold that calls as many images as possible as they were called before.

    Args:
        values: `[n]`; at or above the threshold is called.
        called: `[n]`, how the other network called them.
        start: Kept where no other threshold agrees on more images; of several the nearest is taken.
    """
    if not len(values):
        return start
    levels = np.unique(values)
    candidates = np.concatenate([[start], (levels[1:] + levels[:-1]) / 2])
    yes, no = np.sort(values[called]), np.sort(values[~called])
    missed = np.searchsorted(yes, candidates, side="left")
    alarms = len(no) - np.searchsorted(no, candidates, side="left")
    wrong = missed + alarms
    best = candidates[wrong == wrong.min()]
    return float(best[np.abs(best - start).argmin()])


@dataclass(frozen=True)
class Both:
    """What two networks say of the same images of train and tune.

    Attributes:
        whole: Scores of network.onnx, `[n, classes]`.
        small: Those of the small network before it is calibrated.
        whole_novelty: `[n]`.
        small_novelty: `[n]`.
        on_tune: `[n]`, whether the image is one of tune.
        targets: `[n, classes]`, 1, 0, NaN not stated.
    """

    whole: Array
    small: Array
    whole_novelty: Array
    small_novelty: Array
    on_tune: npt.NDArray[np.bool_]
    targets: Array


def describe(
    both: Both, stretch: Stretch, *, draft: ManifestDraft, storage: Storage, size: int
) -> SmallNetwork:
    """What the manifest says of a small network: its own thresholds, and what changed on tune.

    Args:
        both: What the two say.
        stretch: How the small one's scores are mapped.
        draft: Of the bundle.
        storage: Of its weights.
        size: Of its file, in bytes.
    """
    whole = both.whole.astype(np.float32)
    small = stretch.of_scores(both.small, task=draft.task).astype(np.float32)
    moved = stretch != Stretch.none(len(draft.classes), task=draft.task)
    calibration = stretch.behind(draft.calibration, task=draft.task) if moved else draft.calibration
    ratio = both.small_novelty / np.maximum(both.whole_novelty, 1e-12)
    limit = draft.triage.novelty_threshold
    said = SmallNetwork(
        storage=storage,
        bytes=size,
        calibration=calibration,
        operating_points=tuple(_own_point(point, whole, small, draft) for point in draft.operating_points),
        novelty_threshold=agreeing_threshold(
            both.small_novelty, both.whole_novelty > limit, start=limit * float(np.median(ratio))
        ),
        images=int(both.on_tune.sum()),
    )
    by = for_small(draft.model_copy(update={"small": said}))
    changed = [
        decide(whole[at], both.whole_novelty[at], manifest=draft)
        != decide(small[at], both.small_novelty[at], manifest=by)
        for at in np.flatnonzero(both.on_tune)
    ]
    truth, ours, theirs = both.targets[both.on_tune], small[both.on_tune], whole[both.on_tune]
    changes = {
        "auc_change": _mean_auc(truth, ours) - _mean_auc(truth, theirs),
        "decisions_changed": float(np.mean(changed)) if changed else np.nan,
        "largest_score_change": float(np.abs(ours - theirs).max()) if changed else np.nan,
    }
    return said.model_copy(update=changes)


def _own_point(
    point: OperatingPoint,
    whole: npt.NDArray[np.float32],
    small: npt.NDArray[np.float32],
    draft: ManifestDraft,
) -> OperatingPoint:
    """The point at which the small network calls as the whole one does; its rates stay those of the whole."""
    if point.class_name:
        at = draft.classes.index(point.class_name)
        theirs, ours = whole[:, at].astype(np.float64), small[:, at].astype(np.float64)
    else:
        theirs, ours = (
            urgent_sum(one, classes=draft.classes, urgent=draft.triage.urgent) for one in (whole, small)
        )
    threshold = agreeing_threshold(ours, theirs >= point.threshold, start=point.threshold)
    return point.model_copy(update={"threshold": threshold, "rule": f"as network.onnx: {point.rule}"})


def _mean_auc(targets: Array, scores: npt.NDArray[np.float32]) -> float:
    return macro_mean([roc_auc(targets[:, at], scores[:, at]) for at in range(targets.shape[1])])


def _line(logits: Array, wanted: Array) -> tuple[float, float]:
    """Newton's steps for slope and intercept; (1, 0) where they lead nowhere better."""
    design = np.stack([logits, np.ones_like(logits)], 1)
    found = np.array([1.0, 0.0])
    for _ in range(_STEPS):
        said = _sigmoid(design @ found)
        curve = (design * (said * (1 - said))[:, None]).T @ design + 1e-12 * np.eye(2)
        step = np.linalg.solve(curve, design.T @ (said - wanted))
        found = found - step
        if not np.isfinite(found).all() or np.abs(step).max() < 1e-12:
            break
    loss = _loss(logits, wanted)
    better = np.isfinite(found).all() and found[0] > 0 and _loss(design @ found, wanted) < loss
    return (float(found[0]), float(found[1])) if better else (1.0, 0.0)


def _temperature(logits: Array, wanted: Array) -> float:
    def loss(slope: float) -> float:
        return -float((wanted * np.log(np.clip(_scores(slope * logits, "multiclass"), 1e-300, 1))).sum())

    slope = 1.0
    for _ in range(_STEPS):
        said = _scores(slope * logits, "multiclass")
        mean = (said * logits).sum(1, keepdims=True)
        curve = float((said * (logits - mean) ** 2).sum())
        step = float(((said - wanted) * logits).sum()) / max(curve, 1e-12)
        slope -= step
        if not np.isfinite(slope) or abs(step) < 1e-12:
            break
    return slope if np.isfinite(slope) and slope > 0 and loss(slope) < loss(1.0) else 1.0


def _loss(logits: Array, wanted: Array) -> float:
    return float((np.logaddexp(0, logits) - wanted * logits).sum())


def _logits(scores: Array, task: Task) -> Array:
    inside = np.clip(scores, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(inside) if task == "multiclass" else np.log(inside) - np.log1p(-inside))


def _scores(logits: Array, task: Task) -> Array:
    if task == "multiclass":
        shares = np.exp(logits - logits.max(1, keepdims=True))
        return np.asarray(shares / shares.sum(1, keepdims=True))
    return _sigmoid(logits)


def _sigmoid(logits: Array) -> Array:
    return np.asarray(np.exp(-np.logaddexp(0, -logits)))
