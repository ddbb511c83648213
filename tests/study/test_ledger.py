from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from overread.errors import UsageError
from overread.study.ledger import Ledger
from overread.study.search import Space
from overread.study.settings import Between

SPACE: Space = {
    "reader.head": ("linear", "mlp", "logistic"),
    "reader.folds": Between(low=2, high=9, whole=True),
    "reader.fine_tune.learning_rate": Between(low=1e-5, high=1e-2, log=True),
}


def ledger(path: Path, **changes: Any) -> Ledger:
    given: dict[str, Any] = {"key": "k", "space": SPACE, "sign": 1.0, "seed": 3}
    return Ledger(path / "tune.db", **{**given, **changes})


def value(drawn: dict[str, Any]) -> float:
    return float(drawn["reader.folds"]) - abs(np.log10(drawn["reader.fine_tune.learning_rate"]) + 3)


def go_on(made: Ledger, until: int) -> None:
    for _ in range(len(made.entries()), until):
        trial = made.draw()
        made.finish(trial, value(trial.params), {"error": None})


def test_draws_lie_in_the_space(tmp_path: Path) -> None:
    made = ledger(tmp_path)
    go_on(made, 14)
    drawn = [one.drawn for one in made.entries()]
    assert {one["reader.head"] for one in drawn} <= {"linear", "mlp", "logistic"}
    assert all(isinstance(one["reader.folds"], int) and 2 <= one["reader.folds"] <= 9 for one in drawn)
    rates = [one["reader.fine_tune.learning_rate"] for one in drawn]
    assert min(rates) >= 1e-5
    assert max(rates) <= 1e-2
    assert [one.number for one in made.entries()] == list(range(1, 15))


def test_an_interrupted_search_draws_what_an_uninterrupted_one_does(tmp_path: Path) -> None:
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    whole = ledger(tmp_path / "whole")
    go_on(whole, 16)
    go_on(ledger(tmp_path / "stopped"), 3)
    cut_off = ledger(tmp_path / "stopped").draw()
    go_on(ledger(tmp_path / "stopped"), 13)
    assert cut_off.params == whole.entries()[3].drawn
    with sqlite3.connect(tmp_path / "stopped" / "tune.db") as database:
        states = [row[0] for row in database.execute("select state from trials order by number")]
    assert (states[3], states.count("RUNNING")) == ("FAIL", 0)
    stopped = ledger(tmp_path / "stopped")
    go_on(stopped, 16)
    assert [(one.drawn, one.value) for one in stopped.entries()] == [
        (one.drawn, one.value) for one in whole.entries()
    ]


def test_another_seed_draws_otherwise(tmp_path: Path) -> None:
    first = ledger(tmp_path).draw().params
    (tmp_path / "other").mkdir()
    assert ledger(tmp_path / "other", seed=4).draw().params != first


def test_the_search_finds_what_is_better(tmp_path: Path) -> None:
    made = ledger(tmp_path)
    go_on(made, 30)
    early, late = (
        np.mean([one.value for one in part]) for part in (made.entries()[:10], made.entries()[20:])
    )
    assert late > early + 1
    shares = made.importances()
    assert next(iter(shares)) == "reader.folds"
    assert sum(shares.values()) == pytest.approx(1)


def test_a_failed_trial_is_kept_with_its_reason(tmp_path: Path) -> None:
    made = ledger(tmp_path)
    made.finish(made.draw(), float("nan"), {"failed": "no weights"})
    go_on(made, 3)
    entries = made.entries()
    assert [one.number for one in entries] == [1, 2, 3]
    assert np.isnan(entries[0].value)
    assert entries[0].facts == {"failed": "no weights"}


def test_too_little_for_importances_gives_none(tmp_path: Path) -> None:
    made = ledger(tmp_path)
    assert made.importances() == {}
    go_on(made, 1)
    assert made.importances() == {}


def test_the_search_of_another_study_is_left_alone(tmp_path: Path) -> None:
    go_on(ledger(tmp_path), 1)
    with pytest.raises(UsageError, match="holds the search of another study, cohort or space"):
        ledger(tmp_path, key="other")
    assert len(ledger(tmp_path).entries()) == 1


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tune.db").write_bytes(b"no database at all, but long enough to be looked into" * 20)
    with pytest.raises(UsageError, match="is no search of Overread; remove it"):
        ledger(tmp_path)


def test_the_file_holds_text_and_numbers_and_no_pickle(tmp_path: Path) -> None:
    go_on(ledger(tmp_path), 2)
    with sqlite3.connect(tmp_path / "tune.db") as database:
        tables = [row[0] for row in database.execute("select name from sqlite_master where type = 'table'")]
        cells = [
            cell for table in tables for row in database.execute(f"select * from {table}") for cell in row
        ]
    assert not any(isinstance(cell, bytes) for cell in cells)
