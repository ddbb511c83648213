from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from overread.training.checkpoints import best_epoch, has_ended, history_of


def history(*losses: float) -> list[dict[str, float]]:
    return [{"epoch": index, "tune_loss": loss} for index, loss in enumerate(losses)]


@pytest.mark.parametrize(
    ("losses", "best"),
    [((3, 1, 2), 1), ((1, 1), 0), ((math.nan, 2), 1), ((2, math.inf, 1, math.nan), 2), ((math.nan,), None)],
)
def test_the_best_epoch_is_the_first_with_the_lowest_finite_loss(
    losses: tuple[float, ...], best: int | None
) -> None:
    assert best_epoch(history(*losses)) == best


@pytest.mark.parametrize(
    ("losses", "ended"),
    [
        ((), False),
        ((3, 2, 1), False),
        ((1, 2), False),
        ((1, 2, 3), True),  # two epochs without a lower loss
        ((1, 1, 1), True),  # as good is not lower
        ((3, 4, 2, 4), False),
        ((5, 4, 3, 2, 1), True),  # all epochs
        ((1, math.nan), True),
        ((math.nan,), True),
    ],
)
def test_training_ends_after_all_epochs_or_when_patience_is_over(
    losses: tuple[float, ...], ended: bool
) -> None:
    assert has_ended(history(*losses), epochs=5, patience=2) is ended


def test_a_checkpoint_that_is_not_whole_has_no_history(tmp_path: Path) -> None:
    file = tmp_path / "last.ckpt"
    assert history_of(file) is None
    torch.save({"history": history(1.0), "state": torch.zeros(100)}, file)
    assert history_of(file) == history(1.0)
    whole = file.read_bytes()
    for kept in (0, 10, len(whole) // 2):
        file.write_bytes(whole[:kept])
        assert history_of(file) is None


def test_a_checkpoint_that_would_execute_code_is_not_opened(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "sprung",))

    torch.save({"history": [], "trap": Trap()}, tmp_path / "last.ckpt")
    assert history_of(tmp_path / "last.ckpt") is None
    assert not (tmp_path / "sprung").exists()
