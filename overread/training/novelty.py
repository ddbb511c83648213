"""How far an image lies from the images that a reader was trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from overread.errors import TrainingError

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TrainingDensity:
    """A probabilistic principal component model of training features (Tipping & Bishop 1999).

    Attributes:
        mean: `[d]`, the features' centre.
        scale: `[d]`, one over each feature's standard deviation: stages of a network differ in range.
        basis: `[d, k]`, orthonormal directions of largest variance.
        whitening: `[k]`, one over the standard deviation along each direction.
        residual_scale: One over the variance of each of the d - k other directions.
    """

    mean: Array
    scale: Array
    basis: Array
    whitening: Array
    residual_scale: float

    def novelty(self, features: npt.NDArray[np.floating]) -> Array:
        """Mahalanobis distance under the model over sqrt(d), `[n]`: about 1 for a training image.

        Args:
            features: `[n, d]`.
        """
        centred = (np.asarray(features, np.float64) - self.mean) * self.scale
        coordinates = centred @ self.basis
        residual = centred - coordinates @ self.basis.T
        inside = ((coordinates * self.whitening) ** 2).sum(1)
        outside = (residual**2).sum(1) * self.residual_scale
        return np.asarray(np.sqrt((inside + outside) / len(self.mean)))


def fit_density(
    features: npt.NDArray[np.floating], *, components: int = 64, least_spread: float = 1.0
) -> TrainingDensity:
    """Fit the model to features `[n, d]` of `train` by maximum likelihood (Tipping & Bishop 1999, eq. 7-8).

    Args:
        features: `[n, d]`.
        components: At most this many directions get a variance of their own; fewer where n is small.
        least_spread: Features are standardised by their standard deviation, but at least by this share of
            the median one: a feature that hardly varies on `train` would call any change of it new. Without
            it one tune image made the threshold twice as high (generated lesions, random weights).

    Raises:
        TrainingError: There are fewer than three images.
    """
    x = np.asarray(features, np.float64)
    count, width = x.shape
    if count < 3:
        raise TrainingError(f"expected at least 3 images to learn what is familiar, got {count}")
    kept = min(components, count // 3, width - 1)
    mean, spread = x.mean(0), x.std(0)
    scale = 1 / np.maximum(spread, max(float(np.median(spread)) * least_spread, 1e-9))
    _, singular, directions = np.linalg.svd((x - mean) * scale, full_matrices=False)
    variance = singular**2 / (count - 1)
    floor = max(float(variance[0]), 1e-12) * 1e-6
    residual = max(float(variance[kept:].sum()) / (width - kept), floor)
    # The sign of a singular vector is arbitrary; fixing it keeps the bundle's bytes the same.
    basis = directions[:kept].T
    basis = basis * np.where(basis[np.abs(basis).argmax(0), np.arange(kept)] < 0, -1.0, 1.0)
    whitening = 1 / np.sqrt(np.maximum(variance[:kept], residual))
    return TrainingDensity(mean, scale, basis, whitening, 1 / residual)


def novelty_threshold(tune_novelty: npt.NDArray[np.floating], *, margin: float = 1.1) -> float:
    """The novelty beyond which an image reads *cannot-assess*.

    The 99th percentile of `tune` with the finite-sample correction of split conformal prediction (Vovk 2005):
    the ceil((n + 1) * 0.99)-th smallest value. Below 99 images that is beyond the largest, which then
    stands in with a margin.

    Args:
        tune_novelty: `[n]`, of images that the density was not fitted to.
        margin: Factor on the largest value where `tune` is too small for the percentile.

    Raises:
        TrainingError: `tune` is empty.
    """
    values = np.sort(np.asarray(tune_novelty, np.float64))
    if not len(values):
        raise TrainingError("tune is empty, so no novelty threshold can be set", todo="give tune a share")
    rank = int(np.ceil((len(values) + 1) * 0.99))
    return float(values[rank - 1]) if rank <= len(values) else float(values[-1]) * margin
