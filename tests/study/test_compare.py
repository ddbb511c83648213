from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from overread.cohort import Cohort
from overread.errors import EvaluationError, UsageError
from overread.study.compare import _names, compare_runs
from tests.study.made_runs import comparable_runs, make_run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return comparable_runs(tmp_path_factory.mktemp("compare"))


def test_runs_are_compared_by_their_readings_though_the_images_are_gone(runs: Path) -> None:
    found = compare_runs([runs / "runs" / "poor", runs / "runs" / "good"], resamples=100)
    assert [one.name for one in found.readers] == ["poor", "good"]
    figure = found.pairs[0].on("malignant").figures["roc_auc"]
    assert figure.difference > 0
    assert found.compared == len(Cohort.load(runs / "cohort 0").table(["image_id"], split="test"))
    assert Cohort.load(runs / "cohort 0").test_reads() == []


def test_a_run_and_itself_do_not_differ(runs: Path) -> None:
    found = compare_runs([runs / "runs" / "good"] * 2, resamples=100)
    assert [one.name for one in found.readers] == ["good", "good (2)"]
    for figure in found.pairs[0].on("malignant").figures.values():
        assert (figure.difference, figure.low, figure.high) == (0, 0, 0)


def test_an_evaluation_without_its_cohort_wants_it_named(runs: Path) -> None:
    alone = runs / "alone"
    shutil.copytree(runs / "runs" / "good", alone, ignore=lambda *_: ["cohort"])
    with pytest.raises(UsageError, match=r"alone/cohort': holds no cohort; name it with --cohort"):
        compare_runs([alone, runs / "runs" / "poor"], resamples=100)
    found = compare_runs([alone, runs / "runs" / "poor"], cohort=runs / "cohort 0", resamples=100)
    assert found.left_out == 0


def test_runs_on_other_splits_are_refused(runs: Path) -> None:
    with pytest.raises(EvaluationError, match="have read different cohorts") as raised:
        compare_runs([runs / "runs" / "good", runs / "runs" / "reseeded"])
    assert "\n" not in str(raised.value)


def test_a_reader_trained_on_another_cohort_is_told(runs: Path) -> None:
    """Evaluated on this cohort, but trained on another one."""
    cohort = Cohort.load(runs / "cohort 0")
    stranger = make_run(runs / "stranger", cohort, seed=4)
    text = (stranger / "evaluation.json").read_text()
    (stranger / "evaluation.json").write_text(text.replace(cohort.card.content_hash, "0" * 64))
    found = compare_runs([runs / "runs" / "good", stranger], resamples=100)
    assert any(note.startswith("Trained on another cohort: stranger.") for note in found.notes)


def test_what_is_no_run_is_named(runs: Path) -> None:
    with pytest.raises(EvaluationError, match=r"run '.*source': holds no evaluation.json"):
        compare_runs([runs / "source", runs / "runs" / "good"])
    with pytest.raises(UsageError, match="expected two runs or more, got 1"):
        compare_runs([runs / "runs" / "good"])
    broken = runs / "broken"
    shutil.copytree(runs / "runs" / "good", broken, symlinks=True)
    (broken / "readings.parquet").write_bytes(b"PAR1")
    with pytest.raises(EvaluationError, match="is no Parquet file of readings"):
        compare_runs([broken, runs / "runs" / "good"])


def test_readers_are_called_by_as_much_of_their_folders_as_tells_them_apart(runs: Path) -> None:
    paths = [runs / "runs" / "good", runs / "other" / "good", runs / "runs" / "poor"]
    assert _names(paths) == ["runs/good", "other/good", "runs/poor"]
    assert _names([paths[0], paths[2]]) == ["good", "poor"]
    assert _names([paths[0]] * 3) == ["good", "good (2)", "good (3)"]
