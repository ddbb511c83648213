"""Variables are set for as long as a block runs, and are then as they were."""

from __future__ import annotations

import os

import pytest

from overread.engine.environment import environment


def test_what_was_set_is_set_again_and_what_was_not_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVERREAD_ONE", "before")
    monkeypatch.delenv("OVERREAD_TWO", raising=False)
    inside = {"OVERREAD_ONE": "inside", "OVERREAD_TWO": "inside"}
    with environment(inside):
        assert {name: os.environ[name] for name in inside} == inside
    assert os.environ["OVERREAD_ONE"] == "before"
    assert "OVERREAD_TWO" not in os.environ


def test_so_they_are_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVERREAD_ONE", "before")

    @environment({"OVERREAD_ONE": "inside"})
    def fail() -> None:
        raise LookupError(os.environ["OVERREAD_ONE"])

    with pytest.raises(LookupError, match="inside"):
        fail()
    assert os.environ["OVERREAD_ONE"] == "before"
