"""One reading: what a bundle says of one image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from overread.bundle.triage import Decision, Reason
from overread.imaging.quality import QualityWarning


@dataclass(frozen=True, eq=False)
class Reading:
    """What a bundle says of one image, with what is needed to trace it.

    Args:
        scores: Calibrated, one a class, float32 [classes], 0..1.
        classes: The names of the scores.
        decision: "urgent", "routine" or "cannot-assess".
        operating_point: The thresholds that decided, in words.
        saliency: Coarse map a class, in logits, float32 [classes, h, w].
        features: Of the network, float32 [d].
        novelty: Distance from the training images.
        bundle: name@version.
        sha256: Of the encoded file (or of the array's bytes, where an array was read).
        metadata_missing: Fields of the bundle's metadata that were not known: not given, or no category of
            train.
        reason: Why it cannot be assessed: "novel" (unlike the training images) or "undecided" (the scores
            leave the answer open); None where it can.
        quality: Why the photograph should be taken again: "small", "dark", "bright", "blurred"; () where
            nothing is wrong, None where the bundle has no limits. It changes no decision.
    """

    scores: NDArray[np.float32]
    classes: tuple[str, ...]
    decision: Decision
    operating_point: str
    saliency: NDArray[np.float32]
    features: NDArray[np.float32]
    novelty: float
    bundle: str
    sha256: str
    metadata_missing: tuple[str, ...] = ()
    reason: Reason | None = None
    quality: tuple[QualityWarning, ...] | None = None

    @property
    def by_class(self) -> dict[str, float]:
        """The scores with their names."""
        return {name: float(score) for name, score in zip(self.classes, self.scores, strict=True)}
