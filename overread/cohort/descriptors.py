"""Which numbers tell this cohort's pictures apart, learnt from the cohort itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from overread.imaging.moments import FINEST, Pose, invariants, modes, moments

DIMENSIONS = 48
"""Numbers of a descriptor."""

_SAMPLE = 2000
_IMAGINED = 500
_MISSES = (Pose(1 / 0.96), Pose(1.0, 0.04), Pose(1.0, 0.0, 0.04), Pose(1.0, -0.03, 0.03))


@dataclass(frozen=True)
class Metric:
    """Where invariants of a picture lie, so that near means alike."""

    middle: NDArray[np.float64]
    axes: NDArray[np.float64]

    def place(self, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn float32 [n, numbers] into directions, float32 [n, DIMENSIONS] of length 1."""
        placed = ((numbers - self.middle) @ self.axes).astype(np.float32)
        length = np.linalg.norm(placed, axis=1, keepdims=True)
        return np.asarray(placed / np.maximum(length, 1e-9), np.float32)


def learn_metric(grey: NDArray[np.uint8], shape: NDArray[np.float32], whole: NDArray[np.complex64]) -> Metric:
    """Find the directions in which pictures differ most, compared with what a slight miss changes.

    Chest X-rays all look alike: what they share says nothing, so the cohort's mean is taken away and the
    directions are Fisher's (1936), between pictures over within a picture. A sample of the cohort is moved
    and resized a little to see what that does; imagined pictures with the spectrum of natural ones are added,
    so that a cohort of two works.

    Args:
        grey: uint8 [n, pixels] of fingerprints, in random order: the first ones are the sample.
        shape: float32 [n], log(width / height).
        whole: complex64 [n, functions], their moments in the whole disc.
    """
    rng = np.random.default_rng(0)
    real = invariants(whole[:_SAMPLE]).astype(np.float64)
    every = np.concatenate([real, _imagined(rng).astype(np.float64)])
    few = grey[: _SAMPLE // 4]
    noisy = np.clip(few + np.round(rng.normal(0, 1.5, few.shape)), 0, 255).astype(np.uint8)
    missed = [invariants(moments(noisy, shape[: len(few)], pose)) - real[: len(few)] for pose in _MISSES]
    within = np.concatenate(missed).astype(np.float64)
    middle = every.mean(0)
    between = (every - middle).T @ (every - middle) / len(every)
    scatter = within.T @ within / len(within)
    scatter += np.eye(len(scatter)) * (0.1 * np.trace(scatter) / len(scatter) + 1e-9)
    spread, directions = np.linalg.eigh(scatter)
    whitened = directions / np.sqrt(spread)
    _, turned = np.linalg.eigh(whitened.T @ between @ whitened)
    return Metric(middle, whitened @ turned[:, ::-1][:, :DIMENSIONS])


def _imagined(rng: np.random.Generator) -> NDArray[np.float32]:
    """Invariants of pictures whose power falls with the square of the frequency: white moments."""
    of = modes(FINEST)
    weight = np.exp(-((of.zero / FINEST) ** 2) / 2)
    size = (_IMAGINED, len(of.order))
    drawn = (rng.standard_normal(size) + 1j * rng.standard_normal(size)) * weight
    drawn[:, of.order == 0] = np.sqrt(2) * 0.5 * drawn[:, of.order == 0].real
    return invariants((drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.complex64))
