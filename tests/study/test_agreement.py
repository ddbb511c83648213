from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logit, softmax, xlogy
from sklearn.metrics import roc_auc_score

from overread.bundle import ManifestDraft
from overread.bundle.manifest import Calibration, OperatingPoint, TriageRule
from overread.study.agreement import Both, Stretch, agreeing_threshold, describe, fit_stretch
from tests.bundle.conftest import make_draft

RNG = np.random.default_rng(0)


def test_a_stretch_that_was_applied_is_found_and_undone() -> None:
    z = RNG.normal(size=(300, 2))
    small = expit(z)
    wanted = expit(z * [1.7, 0.6] + [-0.4, 0.9])
    found = fit_stretch(small, wanted, task="multilabel")
    np.testing.assert_allclose(found.slope, [1.7, 0.6], atol=1e-6)
    np.testing.assert_allclose(found.intercept, [-0.4, 0.9], atol=1e-6)
    np.testing.assert_allclose(found.of_scores(small, task="multilabel"), wanted, atol=1e-7)


def test_the_stretch_has_the_least_log_loss_on_soft_targets() -> None:
    z = RNG.normal(size=200)
    small, wanted = expit(z)[:, None], expit(1.4 * z + 0.3 + RNG.normal(0, 0.5, 200))[:, None]

    def loss(pair: np.ndarray) -> float:
        said = pair[0] * z + pair[1]
        return float((np.logaddexp(0, said) - wanted[:, 0] * said).mean())

    best = minimize(loss, [1.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13}).x
    found = fit_stretch(small, wanted, task="binary")
    np.testing.assert_allclose([*found.slope, *found.intercept], best, atol=1e-5)


def test_multiclass_scores_share_one_slope() -> None:
    z = RNG.normal(size=(200, 3))
    small, wanted = softmax(z, axis=1), softmax(1.6 * z + RNG.normal(0, 0.2, (200, 3)), axis=1)
    best = minimize(lambda a: -xlogy(wanted, softmax(a[0] * z, axis=1)).sum(), [1.0], method="Nelder-Mead").x
    found = fit_stretch(small, wanted, task="multiclass")
    assert found.slope[0] == pytest.approx(best[0], abs=1e-3)
    assert found.intercept == (0.0,)


@pytest.mark.parametrize("small", [np.full((20, 1), 0.5), np.array([[0.0], [1.0]] * 10)])
def test_scores_that_tell_nothing_are_left_as_they_are_or_made_no_worse(small: np.ndarray) -> None:
    found = fit_stretch(small, np.tile([[0.3], [0.6]], (10, 1)), task="binary")
    assert np.isfinite([*found.slope, *found.intercept]).all()
    assert found.slope[0] > 0


def test_scores_that_run_the_other_way_are_never_turned_round() -> None:
    small = expit(RNG.normal(size=(50, 1)))
    assert fit_stretch(small, 1 - small, task="binary") == Stretch.none(1, task="binary")


def test_a_calibration_and_a_stretch_make_one_calibration() -> None:
    logits = RNG.normal(size=(40, 2))
    platt = Calibration(kind="platt", slope=(0.5, 2.0), intercept=(0.1, -0.2))
    scores = expit(logits * platt.slope + platt.intercept)
    stretch = Stretch((1.5, 0.7), (0.3, -0.4))
    both = stretch.behind(platt, task="multilabel")
    wanted = stretch.of_scores(scores, task="multilabel")
    np.testing.assert_allclose(expit(logits * both.slope + both.intercept), wanted, atol=1e-7)


def test_a_threshold_that_agrees_everywhere_stays() -> None:
    values = np.array([0.1, 0.2, 0.6, 0.8])
    assert agreeing_threshold(values, values >= 0.5, start=0.5) == 0.5


def test_a_threshold_moves_to_the_nearest_that_agrees_on_most() -> None:
    values = np.array([0.1, 0.2, 0.3, 0.4, 0.7])
    called = np.array([False, False, True, True, True])
    assert agreeing_threshold(values, called, start=0.5) == pytest.approx(0.25)


def test_a_threshold_agrees_as_well_as_any() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        values, called = rng.random(30), rng.random(30) < 0.4
        grid = np.linspace(-0.01, 1.01, 4001)
        best = min(((values >= t) != called).sum() for t in grid)
        found = agreeing_threshold(values, called, start=0.5)
        # Below the lowest and above the highest are no candidates: there all are called, or none.
        inside = min(((values >= t) != called).sum() for t in grid if values.min() < t <= values.max())
        assert ((values >= found) != called).sum() in (best, inside)


def both(*, noise: float, count: int = 400, novelty: float = 1.0) -> Both:
    rng = np.random.default_rng(1)
    z = rng.normal(size=(count, 1)) * 2
    far = rng.gamma(8, 1 / 8, count)
    return Both(
        whole=expit(z),
        small=expit(0.8 * z + 0.3 + rng.normal(0, noise, z.shape)),
        whole_novelty=far,
        small_novelty=far * novelty,
        on_tune=np.arange(count) % 2 == 0,
        targets=(rng.random((count, 1)) < expit(z)).astype(float),
    )


def draft(threshold: float = 0.4) -> ManifestDraft:
    point = OperatingPoint(
        name="high-sensitivity",
        class_name="malignant",
        threshold=threshold,
        rule="sensitivity >= 0.95 on tune",
        sensitivity=0.95,
        specificity=0.6,
    )
    return make_draft(
        operating_points=(point,),
        triage=TriageRule(urgent=("malignant",), novelty_threshold=1.5),
        calibration=Calibration(kind="platt", slope=(2.0,), intercept=(0.5,)),
    )


def test_a_network_that_is_only_stretched_comes_to_the_same_decisions() -> None:
    made = both(noise=0.0, novelty=1.3)
    stretch = fit_stretch(made.small, made.whole, task="binary")
    said = describe(made, stretch, draft=draft(), storage="int8", size=9)
    assert (said.images, said.bytes, said.storage) == (200, 9, "int8")
    assert said.decisions_changed == 0
    assert said.auc_change == pytest.approx(0, abs=1e-9)
    assert said.largest_score_change < 1e-5
    assert said.operating_points[0].threshold == pytest.approx(0.4, abs=0.02)
    assert said.operating_points[0].rule == "as network.onnx: sensitivity >= 0.95 on tune"
    assert said.novelty_threshold == pytest.approx(1.5 * 1.3)
    # sigmoid(slope * (2 z + 0.5) + intercept)
    assert said.calibration.slope[0] == pytest.approx(2.0 / 0.8, rel=1e-4)
    assert said.calibration.intercept[0] == pytest.approx((0.5 - 0.3) / 0.8, rel=1e-3)


def test_what_changed_is_counted_on_tune_alone() -> None:
    made = both(noise=0.6)
    stretch = fit_stretch(made.small, made.whole, task="binary")
    said = describe(made, stretch, draft=draft(), storage="fp16", size=9)
    scores = expit(logit(made.small) * stretch.slope + stretch.intercept)[:, 0]
    tune = made.on_tune
    known = made.whole_novelty <= 1.5
    whole = np.where(known, made.whole[:, 0] >= 0.4, -1)
    small = np.where(known, scores >= said.operating_points[0].threshold, -1)
    assert said.decisions_changed == pytest.approx((whole != small)[tune].mean())
    assert 0.01 < said.decisions_changed < 0.3
    aucs = [roc_auc_score(made.targets[tune, 0], one[tune]) for one in (scores, made.whole[:, 0])]
    assert said.auc_change == pytest.approx(aucs[0] - aucs[1], abs=1e-6)
    assert said.largest_score_change == pytest.approx(np.abs(scores - made.whole[:, 0])[tune].max(), abs=1e-6)


def test_an_untouched_score_keeps_its_calibration() -> None:
    made = both(noise=0.0)
    isotonic = Calibration(kind="isotonic", knots=(((-1.0, 1.0), (0.1, 0.9)),))
    given = draft().model_copy(update={"calibration": isotonic})
    said = describe(made, Stretch.none(1, task="binary"), draft=given, storage="int8", size=9)
    assert said.calibration == isotonic


def test_a_multiclass_network_is_compared_by_the_sum_of_its_urgent_classes() -> None:
    rng = np.random.default_rng(2)
    z = rng.normal(size=(300, 3)) * 2
    whole, small = softmax(z, axis=1), softmax(0.7 * z + rng.normal(0, 0.1, z.shape), axis=1)
    point = OperatingPoint(name="high-sensitivity", threshold=0.3, rule="sensitivity >= 0.95 on tune")
    given = make_draft(
        task="multiclass",
        classes=("nevus", "melanoma", "carcinoma"),
        operating_points=(point,),
        triage=TriageRule(urgent=("melanoma", "carcinoma"), novelty_threshold=5.0),
        calibration=Calibration(kind="temperature", slope=(2.0,), intercept=(0.0,)),
    )
    made = Both(
        whole=whole,
        small=small,
        whole_novelty=np.ones(300),
        small_novelty=np.ones(300),
        on_tune=np.ones(300, bool),
        targets=np.eye(3)[whole.argmax(1)],
    )
    stretch = fit_stretch(small, whole, task="multiclass")
    said = describe(made, stretch, draft=given, storage="int8", size=9)
    assert said.calibration.kind == "temperature"
    assert said.calibration.slope[0] == pytest.approx(2.0 * stretch.slope[0])
    scores = stretch.of_scores(small, task="multiclass")
    called = [one[:, 1:].sum(1) for one in (whole, scores)]
    changed = ((called[0] >= 0.3) != (called[1] >= said.operating_points[0].threshold)).mean()
    assert said.decisions_changed == pytest.approx(changed)
    # Without the calibration and a threshold of its own more would change.
    assert ((called[0] >= 0.3) != (small[:, 1:].sum(1) >= 0.3)).mean() > changed
