from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from overread.training.choice import Choice, choose_reader


def made(auc: float, *, seed: int, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose expected AUC for the made targets is about this."""
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 2, (count, 1)).astype(float)
    # Two unit normals a distance d apart have an AUC of Phi(d / sqrt 2).
    distance = {0.5: 0.0, 0.6: 0.36, 0.9: 1.81}[auc]
    return np.random.default_rng(seed).normal(distance * targets, 1), targets


def choose(simple: np.ndarray, complex_: np.ndarray, targets: np.ndarray, **changes: Any) -> Choice:
    given: dict[str, Any] = {"groups": np.arange(len(targets)), "task": "binary", "seed": 0, **changes}
    return choose_reader(simple, complex_, targets, **given)


def test_a_clearly_better_reader_is_kept_and_the_report_says_so() -> None:
    (simple, targets), (better, _) = made(0.6, seed=1), made(0.9, seed=2)
    choice = choose(simple, better, targets)
    assert choice.keep_complex
    assert choice.complex_auc - choice.simple_auc > choice.standard_error > 0
    assert choice.sentence == (
        f"Fine-tuning improved the reader on tune (mean AUC {choice.complex_auc:.3f} "
        f"against {choice.simple_auc:.3f}) and was kept."
    )


def test_a_worse_reader_is_not_kept() -> None:
    (simple, targets), (worse, _) = made(0.9, seed=1), made(0.6, seed=2)
    choice = choose(simple, worse, targets)
    assert not choice.keep_complex
    assert "was worse than the head alone on tune" in choice.sentence
    assert choice.sentence.endswith("the head's reader was kept.")


def test_a_reader_better_by_less_than_one_standard_error_is_not_kept() -> None:
    simple, targets = made(0.6, seed=1, count=40)
    hardly = simple.copy()
    # One pair in the right order more.
    positives, negatives = np.flatnonzero(targets[:, 0] == 1), np.flatnonzero(targets[:, 0] == 0)
    above = negatives[simple[negatives, 0] > simple[positives, 0].min()]
    lowest = above[simple[above, 0].argmin()]
    hardly[positives[simple[positives, 0].argmin()], 0] = simple[lowest, 0] + 1e-6
    choice = choose(simple, hardly, targets)
    assert choice.complex_auc > choice.simple_auc
    assert not choice.keep_complex
    assert "was not clearly better than the head alone" in choice.sentence


def test_equal_readers_keep_the_simpler() -> None:
    simple, targets = made(0.9, seed=1)
    assert not choose(simple, simple, targets).keep_complex


def test_images_of_one_patient_are_resampled_together() -> None:
    (simple, targets), (better, _) = made(0.6, seed=1), made(0.9, seed=2)
    alone = choose(simple, better, targets)
    repeated = [np.repeat(array, 4, 0) for array in (simple, better, targets)]
    same = choose(*repeated, groups=np.repeat(np.arange(len(targets)), 4))
    assert same.standard_error == pytest.approx(alone.standard_error, rel=1e-6)
    assert choose(*repeated).standard_error < 0.7 * alone.standard_error


def test_the_same_seed_makes_the_same_choice() -> None:
    (simple, targets), (better, _) = made(0.6, seed=1), made(0.9, seed=2)
    assert choose(simple, better, targets) == choose(simple, better, targets)


def test_one_class_only_on_tune_keeps_the_heads_reader() -> None:
    logits = np.zeros((5, 1))
    choice = choose(logits, logits, np.ones((5, 1)))
    assert not choice.keep_complex
    assert choice.sentence == "Too few classes on tune to compare readers: the head's reader was kept."
