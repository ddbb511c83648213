"""Whether 95 % intervals hold the true figure in 95 of 100 studies, by simulating 1,000 of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from threadpoolctl import threadpool_limits

from overread.evaluation.delong import delong_interval
from overread.evaluation.intervals import bootstrap
from overread.evaluation.ranking import roc_auc_of
from overread.evaluation.statistics import sensitivity_of

COHORTS, RESAMPLES = 1000, 400
SHIFT, OWN, THRESHOLD = 1.2, 0.5, 0.6
TRUE = {
    "auc": norm.cdf(SHIFT / np.sqrt(2 * (1 + OWN**2))),
    "sensitivity": norm.sf((THRESHOLD - SHIFT) / np.sqrt(1 + OWN**2)),
}


def study(rng: np.random.Generator, *, patients: int = 200):
    """1 to 6 images a patient, who shares the label and most of the score."""
    groups = np.repeat(np.arange(patients), rng.integers(1, 7, patients))
    truth = (rng.random(patients) < 0.4).astype(float)
    scores = (SHIFT * truth + rng.normal(size=patients))[groups] + OWN * rng.normal(size=groups.size)
    return truth[groups], scores, groups


@pytest.mark.slow
@threadpool_limits.wrap(limits=1)
def test_resampling_patients_covers_and_resampling_images_does_not() -> None:
    rng = np.random.default_rng(7)
    held = {(name, unit): 0 for name in TRUE for unit in ("patient", "image")}
    by_delong = 0
    for number in range(COHORTS):
        labels, scores, groups = study(rng)
        statistics = {
            "auc": roc_auc_of(labels, scores),
            "sensitivity": sensitivity_of(labels, scores >= THRESHOLD),
        }
        for unit, members in (("patient", groups), ("image", np.arange(groups.size))):
            draws = bootstrap(statistics, members, resamples=RESAMPLES, seed=number)
            for name, true in TRUE.items():
                low, high = np.nanquantile(draws[name], [0.025, 0.975])
                held[name, unit] += bool(low <= true <= high)
        found = delong_interval(labels, scores, groups=groups)
        by_delong += found.low <= TRUE["auc"] <= found.high
    assert 0.93 <= held["auc", "patient"] / COHORTS <= 0.97
    assert 0.93 <= held["sensitivity", "patient"] / COHORTS <= 0.97
    assert 0.93 <= by_delong / COHORTS <= 0.97
    assert held["auc", "image"] / COHORTS <= 0.85
    assert held["sensitivity", "image"] / COHORTS <= 0.85
