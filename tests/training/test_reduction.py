from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.preprocessing import StandardScaler

from overread.training.heads import problems_of
from overread.training.reduction import fit_reduction


def data(count: int = 40, width: int = 7) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    targets = (rng.random((count, 1)) < 0.5).astype(float)
    return rng.normal(size=(count, width)) * rng.uniform(0.1, 9, width) + targets * rng.normal(
        size=width
    ), targets


@pytest.mark.parametrize("width", [7, 60])
def test_components_are_sklearns_of_standardised_features(width: int) -> None:
    x, targets = data(width=width)
    found = fit_reduction(x, problems_of(targets, "binary"), kind="pca", size=4).apply(x)
    oracle = PCA(4, svd_solver="full").fit_transform(StandardScaler().fit_transform(x))
    signs = np.sign((found * oracle).sum(0))
    np.testing.assert_allclose(found, oracle * signs, atol=1e-8)


@pytest.mark.parametrize("classes", [2, 3])
def test_selected_features_are_sklearns_by_the_f_statistic(classes: int) -> None:
    x, _ = data(width=30)
    labels = np.arange(40) % classes
    x[:, :5] += labels[:, None]
    problems = [(np.ones(40, bool), labels)]
    found = fit_reduction(x, problems, kind="select", size=6)
    oracle = SelectKBest(f_classif, k=6).fit(x, labels).get_support(indices=True)
    np.testing.assert_array_equal(found.columns, oracle)
    np.testing.assert_array_equal(found.apply(x), x[:, oracle])


def test_each_finding_gets_the_features_that_tell_it_best() -> None:
    rng = np.random.default_rng(0)
    targets = (rng.random((60, 2)) < 0.5).astype(float)
    x = rng.normal(size=(60, 8))
    x[:, 2] += 3 * targets[:, 0]
    x[:, 5] += 20 * targets[:, 1]
    targets[::3, 0] = np.nan
    found = fit_reduction(x, problems_of(targets, "multilabel"), kind="select", size=2)
    np.testing.assert_array_equal(found.columns, [2, 5])


def test_a_feature_that_never_changes_is_chosen_last() -> None:
    x, targets = data()
    x[:, 3] = 5.0
    found = fit_reduction(x, problems_of(targets, "binary"), kind="select", size=6)
    assert 3 not in found.columns
    assert np.isfinite(fit_reduction(x, [], kind="pca", size=4).apply(x)).all()


@pytest.mark.parametrize("kind", ["none", "pca", "select"])
def test_a_linear_head_on_fewer_features_unfolds_to_all(kind: str) -> None:
    x, targets = data()
    reduction = fit_reduction(x, problems_of(targets, "binary"), kind=kind, size=3)  # type: ignore[arg-type]
    fewer = reduction.apply(x)
    rng = np.random.default_rng(1)
    weight, bias = rng.normal(size=(2, fewer.shape[1])), rng.normal(size=2)
    whole, shifted = reduction.unfold(weight, bias, width=x.shape[1])
    np.testing.assert_allclose(x @ whole.T + shifted, fewer @ weight.T + bias, atol=1e-9)
