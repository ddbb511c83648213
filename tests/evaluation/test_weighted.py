from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as hs

from overread.evaluation import net_benefit as nb
from overread.evaluation import prevalence as pv
from overread.evaluation import ranking as rk
from overread.evaluation import statistics as st
from overread.evaluation.intervals import bootstrap
from overread.evaluation.weighted import Poolable, pool
from tests.evaluation.made import make_scores

FACTORIES = {
    "roc_auc": rk.roc_auc_of,
    "average_precision": rk.average_precision_of,
    "balanced_accuracy": lambda y, s: st.balanced_accuracy_of(y, s >= 0.5),
    "brier": st.brier_of,
    "calibration_error": lambda y, s: st.calibration_error_of(y, s, bins=5, strategy="quantile"),
    "mcc": lambda y, s: st.mcc_of(y, s >= 0.5),
    "net_benefit": lambda y, s: nb.net_benefit_of(y, s, threshold=0.3),
    "ppv_at": lambda y, s: pv.ppv_at_of(y, s >= 0.5, prevalence=0.1),
    "sensitivity": lambda y, s: st.sensitivity_of(y, s >= 0.5),
}


@pytest.mark.parametrize("name", FACTORIES)
@settings(max_examples=15)
@given(seed=hs.integers(0, 10_000))
def test_the_weights_of_patients_give_what_the_weights_of_their_images_give(name, seed) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, 30).astype(float)
    scores = np.round(make_scores(rng, labels), 1)
    labels[rng.random(30) < 0.2] = np.nan
    member, counts = rng.integers(0, 8, 30), rng.integers(0, 4, (5, 8)).astype(float)
    statistic = FACTORIES[name](labels, scores)
    assert isinstance(statistic, Poolable)
    pooled = pool(statistic, member, groups=8)
    assert pooled(counts) == pytest.approx(statistic(counts[:, member]), abs=1e-12, nan_ok=True)


def test_a_statistic_of_ones_own_is_given_the_weights_of_images() -> None:
    seen = []

    def images(weights):
        seen.append(weights.shape)
        return weights.sum(axis=1)

    groups = np.array(["a", "b", "b", "b", "c"])
    found = bootstrap({"own": images, "share": st.share_of(np.ones(5), np.ones(5))}, groups, resamples=40)
    assert {shape[1] for shape in seen} == {5}
    assert set(found["own"]) <= {3.0, 5.0, 7.0, 9.0}
    assert found["share"].tolist() == [1.0] * 40
