from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Said
from tests.evaluation.test_leaderboard import NAMES, seven

Command = Callable[..., Said]


def test_runs_are_set_in_the_table_as_json_as_a_page_and_for_a_person(
    command: Command, tmp_path: Path
) -> None:
    for name, recall in (("a/run", 0.8), ("b/run", 0.5)):
        (tmp_path / name).mkdir(parents=True)
        seven(recall, names=NAMES).save(tmp_path / name / "evaluation.json")
    runs = [tmp_path / "a/run", tmp_path / "b/run"]
    said = command("leaderboard", *runs, "-o", tmp_path / "out/page.html", "--json").json
    assert Path(said["page"]).read_text("utf-8").startswith("<!doctype html>")
    assert [one["above"] for one in said["readers"]] == [5, 6]
    assert [one["name"] for one in said["readers"]] == [
        str(run) for run in runs
    ]  # whose folders' names are equal
    assert abs(said["readers"][0]["figure"]["value"] - 0.8) < 1e-9
    assert set(said["readers"][0]["recalls"]) == set(NAMES)
    assert (said["table"], said["entries"][0]["value"]) == ("isic2018-task3", 0.885)
    shown = command("leaderboard", runs[0]).out
    assert shown.index("0.885  Top 10 models averaged (MetaOptima)") < shown.index("→ 0.800  run (0.")
    assert shown.index("→ 0.800  run") < shown.index("0.690  The Spark study")


def test_what_is_no_run_of_seven_classes_is_one_sentence(command: Command, tmp_path: Path) -> None:
    assert command("leaderboard", tmp_path).code == 1
    assert command("leaderboard", tmp_path, "-o", tmp_path / "page.txt").code == 2
