from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from overread.training import stand_in
from overread.training.stand_in import fit_stand_in


def test_a_linear_head_is_found_again_and_explained_in_full() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 5)) * [1, 10, 0.1, 3, 1] + 2
    logits = x @ rng.normal(size=(5, 2)) + 1
    found = fit_stand_in(x, logits, np.arange(80) % 4)
    assert found.explained > 0.99
    said = found.head(torch.from_numpy(x.astype(np.float32))).detach().numpy()
    assert np.corrcoef(said[:, 0], logits[:, 0])[0, 1] > 0.99


def test_noise_is_not_explained_though_there_are_more_features_than_images() -> None:
    rng = np.random.default_rng(0)
    found = fit_stand_in(rng.normal(size=(40, 100)), rng.normal(size=(40, 1)), np.arange(40) % 4)
    assert found.explained < 0.2


@pytest.mark.parametrize("strength", [0.01, 1.0])
def test_the_head_is_sklearns_ridge_on_standardised_features(
    strength: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stand_in, "RIDGES", (strength,))
    rng = np.random.default_rng(1)
    x, logits = rng.normal(size=(30, 6)) * 4 + 1, rng.normal(size=(30, 2))
    z = StandardScaler().fit_transform(x)
    alpha = strength * np.linalg.svd(z, compute_uv=False)[0] ** 2
    oracle = Ridge(alpha=alpha).fit(z, logits).predict(z)
    found = fit_stand_in(x, logits, np.arange(30) % 3).head(torch.from_numpy(x.astype(np.float32)))
    np.testing.assert_allclose(found.detach().numpy(), oracle, atol=1e-5)
