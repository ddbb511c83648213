"""From scores and novelty to one of three decisions: pure functions and nothing else.

Three questions, in this order. Is the image like those of training (novelty)? Do its scores leave open which
class is true (the conformal rule, where the bundle has one)? Which side of its threshold is it on (operating
point)? A decision is urgent or routine only where the second and the third answer agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from overread.bundle.manifest import ConformalRule, ManifestDraft, Task

Decision = Literal["urgent", "routine", "cannot-assess"]
DECISIONS: tuple[Decision, ...] = ("urgent", "routine", "cannot-assess")
Reason = Literal["novel", "undecided"]
Flags = NDArray[np.bool_]


def decide(
    scores: Sequence[float] | NDArray[np.floating], novelty: float, *, manifest: ManifestDraft
) -> Decision:
    """Triage one image.

    Args:
        scores: Calibrated scores, float [classes], in the manifest's order.
        novelty: Distance from the training images; the same unit as `triage.novelty_threshold`.
        manifest: Classes, operating points and triage rule.

    Returns:
        "cannot-assess" if the novelty is beyond its threshold, or if novelty or a score is not a
        finite number, or if the conformal rule leaves the answer open (`answers`); else "urgent" if an urgent
        class reaches its operating point (multiclass: if the sum over the urgent classes does); else
        "routine".

    Raises:
        ValueError: Not one score a class.
    """
    values = _checked(scores, manifest)
    if not known(values, novelty, manifest=manifest):
        return "cannot-assess"
    rule, row = manifest.triage.conformal, values[None]
    if rule is not None:
        return answers(row, rule=rule, manifest=manifest)[0]
    return "urgent" if called(row, manifest=manifest).any() else "routine"


def why_not(
    scores: Sequence[float] | NDArray[np.floating], novelty: float, *, manifest: ManifestDraft
) -> Reason | None:
    """Why an image cannot be assessed: it is "novel", or its scores leave it "undecided"; None: it can."""
    if decide(scores, novelty, manifest=manifest) != "cannot-assess":
        return None
    return "undecided" if known(_checked(scores, manifest), novelty, manifest=manifest) else "novel"


def known(scores: NDArray[np.float64], novelty: float, *, manifest: ManifestDraft) -> bool:
    """Whether the image is near the training images, and every score a number."""
    # NaN compares false: nothing known, no reading.
    return bool(novelty <= manifest.triage.novelty_threshold) and bool(np.isfinite(scores).all())


def called(scores: NDArray[np.floating], *, manifest: ManifestDraft) -> Flags:
    """Whether each deciding point is reached: float [n, classes] → bool [n, points]; one an urgent class, or
    one of their sum (multiclass).
    """
    points = manifest.deciding_points()
    reached = np.zeros((len(scores), len(points)), np.bool_)
    for column, point in enumerate(points):
        names = (point.class_name,) if point.class_name else manifest.triage.urgent
        chosen = [manifest.classes.index(name) for name in names]
        # One after the other, as a sum over a list: numpy's own sum may round otherwise.
        total = sum((scores[:, index].astype(np.float64) for index in chosen), np.zeros(len(scores)))
        reached[:, column] = total >= point.threshold
    return reached


def possible_classes(scores: NDArray[np.floating], *, rule: ConformalRule, task: Task) -> Flags:
    """Which classes the conformal rule leaves possible, for scores float [n, classes].

    Returns:
        bool [n, len(rule.lowest)]: multiclass one a class; else two a finding, its absence and its presence.
    """
    values = np.asarray(scores, np.float64)
    if task != "multiclass":
        values = np.stack([1 - values, values], axis=2).reshape(len(values), -1)
    lowest = np.array([-np.inf if one is None else one for one in rule.lowest])
    if values.shape[1] != lowest.size:
        raise ValueError(f"expected {values.shape[1]} thresholds of a conformal rule, got {lowest.size}")
    return np.asarray(values >= lowest, np.bool_)


def answers(scores: NDArray[np.floating], *, rule: ConformalRule, manifest: ManifestDraft) -> list[Decision]:
    """What the rule and the operating points say together of scores [n, classes], whatever the novelty.

    Binary and multilabel: an urgent finding is present where it reaches its threshold and its presence alone
    is possible; it is absent where neither holds and its absence alone is possible; else it is open. One
    present is urgent, all absent is routine. Multiclass: urgent where the sum reaches its threshold and only
    urgent classes are possible, routine where it does not and only others are.
    """
    possible = possible_classes(scores, rule=rule, task=manifest.task)
    reached = called(scores, manifest=manifest)
    columns = [manifest.classes.index(name) for name in manifest.triage.urgent]
    if manifest.task == "multiclass":
        urgent = np.zeros(len(manifest.classes), np.bool_)
        urgent[columns] = True
        some, others = possible[:, urgent].any(axis=1), possible[:, ~urgent].any(axis=1)
        over = reached.any(axis=1)
        present, absent = over & some & ~others, ~over & others & ~some
    else:
        pairs = possible.reshape(len(possible), -1, 2)[:, columns]
        without, with_it = pairs[:, :, 0], pairs[:, :, 1]
        present = (reached & with_it & ~without).any(axis=1)
        absent = (~reached & without & ~with_it).all(axis=1)
    sides = zip(np.atleast_1d(present), np.atleast_1d(absent), strict=True)
    return ["urgent" if yes else "routine" if no else "cannot-assess" for yes, no in sides]


def _checked(scores: Sequence[float] | NDArray[np.floating], manifest: ManifestDraft) -> NDArray[np.float64]:
    values = np.asarray(scores, dtype=np.float64)
    if values.shape != (len(manifest.classes),):
        raise ValueError(f"expected {len(manifest.classes)} scores, got an array of shape {values.shape}")
    return values
