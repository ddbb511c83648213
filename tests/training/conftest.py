"""Small networks are quicker with one thread, above all where other work wants the cores too."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def short_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads with a hidden layer learn for three epochs."""
    from overread.training import heads
    from overread.training.loop import fit_mlp

    monkeypatch.setattr(heads, "fit_mlp", partial(fit_mlp, epochs=3))
