from __future__ import annotations

from pathlib import Path

import pytest

from overread.errors import UsageError
from overread.evaluation import Figure
from overread.study.runs import RunRow, best_first, chosen, different, runs_in
from tests.study.made_runs import listed_runs, make_listed


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return listed_runs(tmp_path_factory.mktemp("list"))


def row(name: str, figures: dict[str, float], **parameters: str) -> RunRow:
    made = {key: Figure(value=value) for key, value in figures.items()}
    return RunRow(name, name, "", "", "", "", "", "test", None, parameters, made)


def test_every_run_folder_is_found_and_no_bundle(folder: Path) -> None:
    found = runs_in(folder)
    assert [one.path.relative_to(folder).as_posix() for one in found if one.path] == [
        "deeper/still/fair", "good", "poor",
    ]  # fmt: skip
    good = found[1]
    assert (good.name, good.backbone, good.head, good.bundle) == ("good", "resnet50", "mlp", "made@1.0")
    assert good.parameters["study.seed"] == "0"
    assert good.figures["roc_auc"].low < good.figures["roc_auc"].value
    assert [one.name for one in runs_in(folder / "good")] == ["good"]


def test_the_best_comes_first_and_what_has_no_figure_last() -> None:
    rows = [row("none", {}), row("low", {"roc_auc": 0.6}), row("high", {"roc_auc": 0.9})]
    assert [one.name for one in best_first(rows, "roc_auc")] == ["high", "low", "none"]
    losses = [row("much", {"log_loss": 0.9}), row("little", {"log_loss": 0.2})]
    assert [one.name for one in best_first(losses, "log_loss")] == ["little", "much"]
    with pytest.raises(UsageError, match="no run has a figure 'auc'; choose among roc_auc"):
        best_first(rows, "auc")
    assert best_first([], "roc_auc") == []


def test_runs_are_named_by_path_end_of_path_name_or_start_of_id(folder: Path) -> None:
    found = runs_in(folder)
    names = [str(folder / "poor"), "still/fair", "good"]
    assert [one.name for one in chosen(found, names)] == ["poor", "fair", "good"]
    tracked = [row("0123abcd", {}), row("0199ffff", {})]
    assert chosen(tracked, ["0123"]) == tracked[:1]
    with pytest.raises(UsageError, match="no run is called 'bad'; see 'overread runs'"):
        chosen(found, ["bad"])
    with pytest.raises(UsageError, match=r"3 runs are called 'made@1.0'; name one of"):
        chosen(found, ["made@1.0"])


def test_only_parameters_that_differ_are_told() -> None:
    rows = [row("a", {}, seed="0", head="mlp"), row("b", {}, seed="0", head="linear", C="1")]
    assert different(rows) == {"head": ("mlp", "linear"), "C": (None, "1")}
    assert different(rows[:1]) == {}


def test_of_a_run_that_does_not_tell_its_settings_only_what_training_chose_is_compared() -> None:
    chosen_by = {"chosen.head.C": "1"}
    rows = [row("a", {}, **{"study.seed": "0", **chosen_by}), row("b", {}, **{"chosen.head.C": "10"})]
    assert different(rows) == {"chosen.head.C": ("1", "10")}


def test_a_run_that_is_not_finished_is_not_listed(tmp_path: Path) -> None:
    path = make_listed(tmp_path / "new", shift=1.0)
    (path / "run.json").write_text("{}")
    assert runs_in(tmp_path) == []


def test_a_run_of_an_earlier_version_or_an_evaluation_alone_is_listed(tmp_path: Path) -> None:
    path = make_listed(tmp_path / "old", shift=1.0)
    (path / "run.json").write_text('{"key": "k"}')
    (path / "bundle" / "bundle.json").write_text("damaged")
    (found,) = runs_in(tmp_path)
    assert (found.name, found.backbone, found.head) == ("made", "", "")


def test_what_is_no_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no folder"):
        runs_in(tmp_path / "none")
    assert runs_in(tmp_path) == []
