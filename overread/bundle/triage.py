"""From scores and novelty to one of three decisions: a pure function and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from overread.bundle.manifest import ManifestDraft

Decision = Literal["urgent", "routine", "cannot-assess"]
DECISIONS: tuple[Decision, ...] = ("urgent", "routine", "cannot-assess")


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
        finite number; else "urgent" if an urgent class reaches its operating point (multiclass: if
        the sum over the urgent classes does); else "routine".

    Raises:
        ValueError: Not one score a class.
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.shape != (len(manifest.classes),):
        raise ValueError(f"expected {len(manifest.classes)} scores, got an array of shape {values.shape}")
    known = bool(
        novelty <= manifest.triage.novelty_threshold
    )  # NaN compares false: nothing known, no reading
    if not known or not np.isfinite(values).all():
        return "cannot-assess"
    position = {name: index for index, name in enumerate(manifest.classes)}
    for point in manifest.deciding_points():
        names = (point.class_name,) if point.class_name else manifest.triage.urgent
        if sum(values[position[name]] for name in names) >= point.threshold:
            return "urgent"
    return "routine"
