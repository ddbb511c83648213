"""Whether 95 % intervals hold the true figure in 95 of 100 studies, by simulating 1,000 of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from overread.evaluation.intervals import bootstrap
from overread.evaluation.ranking import roc_auc_of

SHIFT, OWN = 1.2, 0.5
TRUE_AUC = norm.cdf(SHIFT / np.sqrt(2 * (1 + OWN**2)))


def study(rng: np.random.Generator, *, patients: int = 200):
    """1 to 6 images a patient, who shares the label and most of the score."""
    groups = np.repeat(np.arange(patients), rng.integers(1, 7, patients))
    truth = (rng.random(patients) < 0.4).astype(float)
    scores = (SHIFT * truth + rng.normal(size=patients))[groups] + OWN * rng.normal(size=groups.size)
    return truth[groups], scores, groups


@pytest.mark.slow
def test_resampling_patients_covers_and_resampling_images_does_not() -> None:
    rng = np.random.default_rng(7)
    held = np.zeros(2)
    for number in range(1000):
        labels, scores, groups = study(rng)
        statistic = roc_auc_of(labels, scores)
        for side, unit in enumerate((groups, np.arange(groups.size))):
            draws = bootstrap({"auc": statistic}, unit, resamples=500, seed=number)["auc"]
            low, high = np.nanquantile(draws, [0.025, 0.975])
            held[side] += low <= TRUE_AUC <= high
    by_patient, by_image = held / 1000
    assert 0.93 <= by_patient <= 0.97
    assert by_image <= 0.85
