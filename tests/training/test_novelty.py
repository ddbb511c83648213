from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import mahalanobis
from sklearn.decomposition import PCA

from overread.errors import TrainingError
from overread.training.novelty import fit_density, novelty_threshold


def features(count: int, width: int, *, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, width)) @ rng.normal(size=(width, width)) * 3 + rng.normal(size=width)


@pytest.mark.parametrize(("count", "width", "components"), [(60, 8, 3), (200, 5, 64), (12, 20, 4)])
def test_novelty_is_the_mahalanobis_distance_under_the_models_covariance(
    count: int, width: int, components: int
) -> None:
    x, probes = features(count, width), features(7, width, seed=1)
    density = fit_density(x, components=components)
    kept = min(components, count // 3, width - 1)
    unit = np.maximum(x.std(0), np.median(x.std(0)))
    scaled = (x - x.mean(0)) / unit
    values, vectors = np.linalg.eigh(np.cov(scaled.T))
    values, vectors = values[::-1], vectors[:, ::-1]
    noise = values[kept:].mean()
    spread = vectors[:, :kept] * np.sqrt(values[:kept] - noise)
    covariance = spread @ spread.T + noise * np.eye(width)
    inverse = np.linalg.inv(covariance)
    expected = [
        mahalanobis(row, np.zeros(width), inverse) / np.sqrt(width) for row in (probes - x.mean(0)) / unit
    ]
    np.testing.assert_allclose(density.novelty(probes), expected, rtol=1e-6)


def test_novelty_orders_images_as_the_likelihood_of_sklearns_probabilistic_pca() -> None:
    x, probes = features(150, 6), features(20, 6, seed=1)
    novelty = fit_density(x, components=3).novelty(probes)
    scale = np.maximum(x.std(0), np.median(x.std(0)))
    oracle = PCA(n_components=3).fit(x / scale)
    likelihood = oracle.score_samples(probes / scale)
    # log p = const - d * novelty² / 2
    constant = likelihood + 6 * novelty**2 / 2
    np.testing.assert_allclose(constant, constant[0], rtol=1e-6)


def test_training_images_have_a_novelty_of_about_one() -> None:
    x = features(400, 10)
    assert np.sqrt((fit_density(x).novelty(x) ** 2).mean()) == pytest.approx(1, abs=0.05)


def test_novelty_ignores_the_unit_of_a_feature() -> None:
    x, probes = features(50, 6), features(5, 6, seed=1)
    unit = np.array([1, 1000, 1e-3, 1, 1, 50])
    np.testing.assert_allclose(
        fit_density(x, least_spread=0).novelty(probes),
        fit_density(x * unit, least_spread=0).novelty(probes * unit),
        rtol=1e-6,
    )


@pytest.mark.parametrize("width", [1, 2, 30])
def test_constant_features_and_few_images_give_finite_novelty(width: int) -> None:
    x = features(3, width)
    x[:, 0] = 2.0
    assert np.isfinite(fit_density(x).novelty(x)).all()


def test_fewer_than_three_images_are_refused() -> None:
    with pytest.raises(TrainingError, match="at least 3 images to learn what is familiar, got 2"):
        fit_density(features(2, 5))


@given(st.integers(1, 400), st.integers(0, 2**32 - 1))
def test_threshold_is_the_conformal_quantile_where_there_are_enough_images(count: int, seed: int) -> None:
    values = np.random.default_rng(seed).exponential(size=count)
    threshold = novelty_threshold(values)
    beyond = int((values > threshold).sum())
    if count >= 99:
        assert threshold in values
        # Of n + 1 exchangeable images, at least 99 % lie at or below.
        assert (count - beyond) >= 0.99 * (count + 1)
        assert (count - beyond - 1) < 0.99 * (count + 1)
    else:
        assert beyond == 0
        assert threshold == pytest.approx(values.max() * 1.1)


def test_a_new_image_is_beyond_the_threshold_at_most_one_time_in_a_hundred() -> None:
    draws = np.random.default_rng(0).normal(size=(4000, 200))
    beyond = [row[-1] > novelty_threshold(row[:-1]) for row in draws]
    # 199 images: rank 198, so the rate is exactly 2 / 200 = 1 %.
    assert np.mean(beyond) == pytest.approx(0.01, abs=0.005)


def test_an_empty_tune_sets_no_threshold() -> None:
    with pytest.raises(TrainingError, match="tune is empty"):
        novelty_threshold(np.array([]))


def test_a_feature_that_hardly_varies_on_train_does_not_call_a_small_change_new() -> None:
    x = features(100, 30)
    x[:, 0] = np.random.default_rng(2).normal(size=100) * 1e-4
    probe = x[:1].copy()
    probe[0, 0] += 0.01
    known = fit_density(x, components=8)
    assert known.novelty(probe)[0] == pytest.approx(known.novelty(x[:1])[0], rel=0.01)
    assert fit_density(x, components=8, least_spread=0).novelty(probe)[0] > 10
