"""What a conformal rule does on the images of a split, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from overread.bundle.manifest import ConformalRule, TriageRule
from overread.bundle.triage import decide
from overread.evaluation.conformal import agreed_decisions, conformal_coverage, fit_conformal, two_sided
from overread.evaluation.evaluate import evaluate_readings
from tests.evaluation.made import NOVELTY_LIMIT, make_manifest, make_scores, make_tables


def rule_of(*lowest: float | None, coverage: float = 0.9) -> ConformalRule:
    return ConformalRule(coverage=coverage, lowest=lowest, patients=(50,) * len(lowest))


def in_force(manifest, rule: ConformalRule):
    triage = TriageRule(urgent=manifest.triage.urgent, novelty_threshold=NOVELTY_LIMIT, conformal=rule)
    return manifest.model_copy(update={"triage": triage})


def binary(seed: int = 0, n: int = 300):
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.4).astype(float)
    return labels, make_scores(rng, labels).astype(np.float32).astype(float)


def test_of_a_finding_it_says_what_the_pure_functions_say() -> None:
    old, new = binary(0), binary(1)
    fitted = fit_conformal(two_sided(old[0]), two_sided(old[1]), coverage=0.9)
    manifest = make_manifest()
    labels, scores = new
    found = evaluate_readings(
        *make_tables(labels, scores, manifest=manifest),
        manifest=manifest,
        resamples=100,
        conformal=rule_of(*fitted.lowest),
    )
    finding, urgent = found.abstention
    assert (finding.of, finding.asked, finding.in_force) == ("malignant", 0.9, False)
    covered = conformal_coverage(fitted, two_sided(labels), two_sided(scores))
    assert [finding.coverage[side].value for side in ("absent", "present")] == pytest.approx(covered)
    answered, right = agreed_decisions(labels, scores, rule=fitted)
    assert finding.answered.value == pytest.approx(answered)
    assert finding.right.value == pytest.approx(right)
    assert finding.right_of_all.value == pytest.approx(((scores >= 0.5) == labels).mean())
    assert finding.right.low < finding.right.value < finding.right.high
    assert finding.right.value > finding.right_of_all.value
    assert urgent.of == "urgent"
    assert urgent.answered.value <= finding.answered.value


def test_a_rule_in_force_is_that_of_the_decisions() -> None:
    labels, scores = binary()
    manifest = in_force(make_manifest(), rule_of(0.35, 0.45))
    readings, reference = make_tables(labels, scores, manifest=manifest)
    # What training says of a rule does not count where the bundle has one.
    found = evaluate_readings(
        readings, reference, manifest=manifest, resamples=50, conformal=rule_of(0.1, 0.1)
    )
    decisions = np.array(readings["decision"].to_pylist())
    urgent = found.abstention[1]
    assert urgent.in_force
    assert urgent.answered.value == pytest.approx((decisions != "cannot-assess").mean())
    assert found.counts.cannot_assess == (decisions == "cannot-assess").sum() > 20
    right = np.where(labels == 1, "urgent", "routine") == decisions
    assert urgent.right.value == pytest.approx(right[decisions != "cannot-assess"].mean())
    wrong = np.where(labels == 1, "routine", "urgent") == decisions
    assert urgent.coverage["present"].value == pytest.approx(1 - wrong[labels == 1].mean())
    assert found.overall["sensitivity"].value == pytest.approx((scores[labels == 1] >= 0.5).mean())


def test_of_competing_classes_the_set_and_the_decision_are_told_apart() -> None:
    rng = np.random.default_rng(2)
    truth = rng.choice(3, 250)
    logits = rng.normal(size=(250, 3)) + 1.2 * np.eye(3)[truth]
    scores = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32).astype(float)
    manifest = make_manifest("multiclass", ("nv", "mel", "bcc"), urgent=("mel", "bcc"), threshold=0.5)
    rule = rule_of(0.25, 0.3, 0.3)
    tables = make_tables(np.eye(3)[truth], scores, manifest=manifest)
    found = evaluate_readings(*tables, manifest=manifest, resamples=30, conformal=rule)
    classes, urgent = found.abstention
    held = scores >= [0.25, 0.3, 0.3]
    single = held.sum(axis=1) == 1
    assert classes.of == "all classes"
    assert classes.coverage["mel"].value == pytest.approx(held[truth == 1, 1].mean())
    assert classes.answered.value == pytest.approx(single.mean())
    assert classes.right.value == pytest.approx(held[np.arange(250), truth][single].mean())
    decisions = np.array([decide(row, 0.0, manifest=in_force(manifest, rule)) for row in scores])
    assert urgent.answered.value == pytest.approx((decisions != "cannot-assess").mean())
    assert urgent.answered.value > classes.answered.value


def test_of_several_findings_each_has_its_own_and_labels_not_stated_are_left_out() -> None:
    rng = np.random.default_rng(3)
    labels = (rng.random((200, 2)) < 0.4).astype(float)
    scores = make_scores(rng, labels).astype(np.float32).astype(float)
    labels[:50, 0] = np.nan
    manifest = make_manifest("multilabel", ("a", "b"))
    tables = make_tables(labels, scores, manifest=manifest)
    rule = rule_of(0.4, 0.4, None, 0.6)
    found = evaluate_readings(*tables, manifest=manifest, resamples=30, conformal=rule)
    assert [one.of for one in found.abstention] == ["a", "b", "urgent"]
    known = ~np.isnan(labels[:, 0])
    both = (scores[known, 0] >= 0.4) & (1 - scores[known, 0] >= 0.4)
    assert found.abstention[0].answered.value == pytest.approx(1 - both.mean())
    assert found.abstention[1].coverage["absent"].value == 1
    assert found.abstention[1].answered.value == pytest.approx((scores[:, 1] < 0.6).mean())


def test_without_a_rule_nothing_is_said() -> None:
    manifest = make_manifest()
    found = evaluate_readings(*make_tables(*binary(), manifest=manifest), manifest=manifest, resamples=10)
    assert found.abstention == ()
