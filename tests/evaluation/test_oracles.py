"""Other libraries' answers, where they are installed: `pip install statsmodels MLstatkit mapie`."""

from __future__ import annotations

import numpy as np
import pytest

from overread.evaluation.conformal import fit_conformal
from overread.evaluation.delong import delong_difference, delong_interval
from overread.evaluation.mcnemar import mcnemar
from overread.evaluation.multiplicity import holm
from tests.evaluation.made import make_scores


@pytest.mark.parametrize("seed", range(3))
def test_delong_agrees_with_mlstatkit(seed) -> None:
    theirs = pytest.importorskip("MLstatkit").Delong_test
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, 400).astype(float)
    first = make_scores(rng, labels)
    second = 0.5 * first + 0.5 * make_scores(rng, labels)
    z, p_value, (low, high), _, area, _, _ = theirs(labels, first, second)
    found, alone = delong_difference(labels, first, second), delong_interval(labels, first)
    assert -found.difference / found.standard_error == pytest.approx(z, rel=1e-6)  # theirs: B less A
    assert found.p_value == pytest.approx(p_value, rel=1e-6)
    assert (alone.value, alone.low, alone.high) == pytest.approx((area, low, high), rel=1e-6)


@pytest.mark.parametrize(("b", "c"), [(3, 11), (7, 7), (0, 4)])
def test_mcnemar_agrees_with_statsmodels(b, c) -> None:
    theirs = pytest.importorskip("statsmodels.stats.contingency_tables").mcnemar
    first, second = np.repeat([True, False], [b, c]), np.repeat([False, True], [b, c])
    exact = mcnemar(np.ones(b + c), first, second, exact=True).p_value
    by_patient = mcnemar(np.ones(b + c), first, second, groups=np.arange(b + c)).p_value
    table = [[5, b], [c, 9]]
    assert exact == pytest.approx(theirs(table, exact=True).pvalue)
    assert by_patient == pytest.approx(theirs(table, exact=False, correction=False).pvalue)


def test_holm_agrees_with_statsmodels() -> None:
    theirs = pytest.importorskip("statsmodels.stats.multitest").multipletests
    p_values = np.random.default_rng(0).random(14) ** 3
    assert holm(p_values) == pytest.approx(theirs(p_values, method="holm")[1])


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_conformal_sets_agree_with_mapie(coverage) -> None:
    pytest.importorskip("mapie")
    from mapie.classification import SplitConformalClassifier
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 500)
    features = rng.normal(size=(500, 3)) + 1.5 * np.eye(3)[truth]
    model = LogisticRegression().fit(features[:200], truth[:200])
    theirs = SplitConformalClassifier(
        model, confidence_level=coverage, conformity_score="lac", prefit=True
    ).conformalize(features[200:350], truth[200:350])
    _, sets = theirs.predict_set(features[350:])
    scores = model.predict_proba(features)
    ours = fit_conformal(np.eye(3)[truth[200:350]], scores[200:350], coverage=coverage, by_class=False)
    assert ours.sets(scores[350:]).tolist() == sets[:, :, 0].tolist()
