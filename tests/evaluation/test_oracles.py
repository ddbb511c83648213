"""Other libraries' answers to the same questions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mapie.classification import SplitConformalClassifier
from MLstatkit import Delong_test
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    confusion_matrix,
    matthews_corrcoef,
    recall_score,
)
from statsmodels.stats import contingency_tables, multitest
from torchmetrics.functional.classification import (
    binary_auroc,
    binary_average_precision,
    binary_calibration_error,
    binary_matthews_corrcoef,
    multiclass_cohen_kappa,
    multiclass_f1_score,
)

from overread.evaluation import metrics
from overread.evaluation.conformal import fit_conformal
from overread.evaluation.confusion import kappa, macro_f1, mcc_multiclass
from overread.evaluation.delong import delong_difference, delong_interval
from overread.evaluation.evaluate import evaluate_readings
from overread.evaluation.mcnemar import mcnemar
from overread.evaluation.multiplicity import holm
from tests.evaluation.made import make_manifest, make_scores, make_tables


@pytest.mark.parametrize("seed", range(3))
def test_delong_agrees_with_mlstatkit(seed) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, 400).astype(float)
    first = make_scores(rng, labels)
    second = 0.5 * first + 0.5 * make_scores(rng, labels)
    z, p_value, (low, high), _, area, _, _ = Delong_test(labels, first, second)
    found, alone = delong_difference(labels, first, second), delong_interval(labels, first)
    assert -found.difference / found.standard_error == pytest.approx(z, rel=1e-6)  # theirs: B less A
    assert found.p_value == pytest.approx(p_value, rel=1e-6)
    assert (alone.value, alone.low, alone.high) == pytest.approx((area, low, high), rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_ranking_calibration_and_correlation_agree_with_torchmetrics(seed) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, 500).astype(float)
    scores = np.round(make_scores(rng, labels), 2)  # with ties
    given = torch.tensor(scores), torch.tensor(labels.astype(int))
    assert metrics.roc_auc(labels, scores) == pytest.approx(float(binary_auroc(*given)), abs=1e-6)
    precision = float(binary_average_precision(*given))
    assert metrics.average_precision(labels, scores) == pytest.approx(precision, abs=1e-6)
    correlation = float(binary_matthews_corrcoef(*given, threshold=0.3))
    assert metrics.mcc(labels, scores > 0.3) == pytest.approx(correlation, abs=1e-6)
    unrounded = make_scores(rng, labels)  # whose bins have no edge in common with the scores
    ece = float(binary_calibration_error(torch.tensor(unrounded), given[1], n_bins=10))
    assert metrics.expected_calibration_error(labels, unrounded) == pytest.approx(ece, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_confusion_figures_agree_with_scikit_learn_and_torchmetrics(seed) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.choice(4, 300, p=[0.6, 0.2, 0.15, 0.05])
    scores = rng.dirichlet(np.ones(4), 300) + 0.4 * np.eye(4)[truth]
    scores /= scores.sum(axis=1, keepdims=True)
    labels, best = np.eye(4)[truth], scores.argmax(axis=1)
    given = torch.tensor(best), torch.tensor(truth)
    assert macro_f1(labels, scores) == pytest.approx(float(multiclass_f1_score(*given, 4, average="macro")))
    assert kappa(labels, scores) == pytest.approx(float(multiclass_cohen_kappa(*given, 4)))
    assert kappa(labels, scores) == pytest.approx(cohen_kappa_score(truth, best))
    assert mcc_multiclass(labels, scores) == pytest.approx(matthews_corrcoef(truth, best))


def test_what_evaluation_json_says_of_seven_classes_agrees_with_scikit_learn() -> None:
    names = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
    rng = np.random.default_rng(7)
    truth = rng.choice(7, 400, p=[0.05, 0.08, 0.15, 0.04, 0.15, 0.49, 0.04])
    scores = rng.dirichlet(np.ones(7), 400) + 0.3 * np.eye(7)[truth]
    scores = (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)
    lesions = [f"lesion-{at}" for at in rng.integers(0, 250, 400)]
    manifest = make_manifest("multiclass", names, urgent=("mel", "bcc", "akiec"))
    tables = make_tables(np.eye(7)[truth], scores, manifest=manifest, patients=lesions)
    found = evaluate_readings(*tables, manifest=manifest, resamples=200)
    said, best = found.summary(), scores.argmax(axis=1)
    balanced = found.overall["balanced_accuracy"]
    assert balanced.value == pytest.approx(balanced_accuracy_score(truth, best))
    assert said["accuracy"]["value"] == pytest.approx(accuracy_score(truth, best))
    recalls = [said[f"{name}/recall"]["value"] for name in names]
    assert recalls == pytest.approx(recall_score(truth, best, average=None))
    assert found.confusion is not None
    assert np.array(found.confusion.counts).tolist() == confusion_matrix(truth, best).tolist()
    # The interval is that of scikit-learn's figure over resampled lesions.
    of_lesion = {name: np.flatnonzero(np.array(lesions) == name) for name in set(lesions)}
    drawn = [
        np.concatenate([of_lesion[name] for name in rng.choice(sorted(of_lesion), len(of_lesion))])
        for _ in range(1000)
    ]
    spread = [balanced_accuracy_score(truth[rows], best[rows]) for rows in drawn]
    low, high = np.quantile(spread, [0.025, 0.975])
    assert (balanced.low, balanced.high) == pytest.approx((low, high), abs=0.015)


@pytest.mark.parametrize(("b", "c"), [(3, 11), (7, 7), (0, 4)])
def test_mcnemar_agrees_with_statsmodels(b, c) -> None:
    theirs = contingency_tables.mcnemar
    first, second = np.repeat([True, False], [b, c]), np.repeat([False, True], [b, c])
    exact = mcnemar(np.ones(b + c), first, second, exact=True).p_value
    by_patient = mcnemar(np.ones(b + c), first, second, groups=np.arange(b + c)).p_value
    table = [[5, b], [c, 9]]
    assert exact == pytest.approx(theirs(table, exact=True).pvalue)
    assert by_patient == pytest.approx(theirs(table, exact=False, correction=False).pvalue)


def test_holm_agrees_with_statsmodels() -> None:
    p_values = np.random.default_rng(0).random(14) ** 3
    assert holm(p_values) == pytest.approx(multitest.multipletests(p_values, method="holm")[1])


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_conformal_sets_agree_with_mapie(coverage) -> None:
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
