"""`overread runs`, `compare` and `tensorboard` as a shell calls them; nothing is trained."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Said
from tests.study.made_runs import comparable_runs, listed_runs

Command = Callable[..., Said]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return comparable_runs(tmp_path_factory.mktemp("compare"))


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return listed_runs(tmp_path_factory.mktemp("list"))


def test_runs_are_listed_the_best_first(command: Command, listed: Path) -> None:
    said = command("runs", listed, "--json").json
    assert [one["name"] for one in said["runs"]] == ["good", "fair", "poor"]
    assert (said["by"], said["different"], said["source"]) == ("roc_auc", None, str(listed))
    shown = command("runs", listed).out
    assert shown.index("good") < shown.index("poor")
    assert "--by tune_auc" in shown


def test_runs_beside_each_other_show_what_differs(command: Command, listed: Path) -> None:
    said = command("runs", listed, "--compare", "poor", "--compare", "good", "--json").json
    assert [one["name"] for one in said["runs"]] == ["poor", "good"]
    assert said["different"] == {"study.name": ["poor", "good"], "reader.head": ["linear", "mlp"]}
    shown = command("runs", listed, "--compare", "poor", "--compare", "good")
    assert "reader.head" in shown.out
    assert "study.seed" not in shown.out
    assert command("runs", listed, "--by", "beauty").code == 2


def test_the_folder_runs_is_the_usual_place(
    command: Command,
    listed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command("runs").out == "no finished run in .\n"
    (tmp_path / "runs").symlink_to(listed)
    assert len(command("runs", "--json").json["runs"]) == 3


def test_mlflow_is_asked_only_where_its_uri_is_given(command: Command, tmp_path: Path) -> None:
    said = command("runs", tmp_path, "--uri", "sqlite")
    assert said.code == 1
    assert "there is no mlflow.db" in said.err
    said = command("runs", tmp_path, "--uri", "sqllite")
    assert said.code == 2
    assert "expected sqlite or an address" in said.err
    assert list(tmp_path.iterdir()) == []


def test_readers_are_compared_on_the_terminal_as_json_and_as_a_page(
    command: Command,
    compared: Path,
    tmp_path: Path,
) -> None:
    two = (compared / "runs" / "poor", compared / "runs" / "good", "--resamples", 100)
    shown = command("compare", *two)
    assert shown.code == 0
    assert "'good' does better than 'poor'" in " ".join(shown.out.split())
    page = tmp_path / "deep" / "page.html"
    said = command("compare", *two, "-o", page, "--json").json
    assert said["page"] == str(page)
    assert said["pairs"][0]["targets"][0]["figures"]["roc_auc"]["difference"] > 0
    assert page.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("poor",), 2, "expected two runs or more"),
        (("poor", "good", "-o", "page.pdf"), 2, "expected a file that ends in .html"),
        (("poor", "reseeded"), 1, "have read different cohorts"),
        (("poor", "nothing"), 1, "holds no evaluation.json"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(
    command: Command,
    compared: Path,
    arguments: tuple[str, ...],
    code: int,
    words: str,
) -> None:
    said = command(
        "compare", *(compared / "runs" / a if "." not in a and a[0] != "-" else a for a in arguments)
    )
    assert said.code == code
    assert words in said.err
    assert len(said.err.strip().splitlines()) == 1


def test_tensorboard_tells_where_it_is_and_warns_when_others_can_look(
    command: Command,
    listed: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("overread.cli.runs._wait", lambda: None)
    monkeypatch.setattr("overread.study.tensorboard.serve", lambda _, host, port: f"http://{host}:{port}/")
    said = command("tensorboard", listed / "good", "--port", 7007, "--json")
    assert json.loads(said.out) == {"url": "http://127.0.0.1:7007/", "events": str(listed / "good" / "work")}
    assert said.err == ""
    assert "no password" in command("tensorboard", listed / "good", "--host", "0.0.0.0").err
    assert command("tensorboard", listed / "cohort").code == 2
