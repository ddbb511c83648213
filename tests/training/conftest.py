from __future__ import annotations

from functools import partial

import pytest


@pytest.fixture
def short_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads with a hidden layer learn for three epochs."""
    from overread.training import heads
    from overread.training.loop import fit_mlp

    monkeypatch.setattr(heads, "fit_mlp", partial(fit_mlp, epochs=3))
