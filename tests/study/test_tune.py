from __future__ import annotations

import csv
import json
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from overread.cli.app import app
from overread.cohort import Cohort
from overread.engine import LocalEngine
from overread.errors import OverreadError, StudyError, TrainingError, UsageError
from overread.study import load_study
from overread.study.tune import TuneResult, tune_study
from overread.training.judge import Judge, Way
from overread.training.train import Prepared, prepare
from tests.study.test_run import write_study
from tests.training.made import write_images

pytestmark = pytest.mark.usefixtures("exported_networks")

SPACE = """
trials = 5
[tune.space]
"reader.head" = ["linear", "logistic"]
"reader.reduce" = ["none", "select"]
"reader.folds" = { low = 2, high = 4, whole = true }
"""


def write(folder: Path, tune: str = SPACE) -> Path:
    path = write_study(folder)
    path.write_text(path.read_text() + "\n[tune]" + tune)
    return path


@pytest.fixture(scope="module", autouse=True)
def prepared_once() -> Iterator[None]:
    """The searches of these tests differ in the head alone: the network is opened and exported once."""
    made: dict[str, Prepared] = {}

    def prepare_once(cohort: Cohort, work: Path, **given: Any) -> Prepared:
        key = f"{cohort.card.content_hash} {given['settings'].features}"
        if key not in made:
            made[key] = prepare(cohort, work, **given)
        return made[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("overread.training.judge.prepare", prepare_once)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tune")
    write_images(made / "source", {"benign": 30, "malignant": 30})
    write(made)
    return made


@pytest.fixture(scope="module")
def whole(folder: Path) -> TuneResult:
    return tune_study(load_study(folder / "study.toml"), folder / "whole")


def beside(whole: TuneResult, name: str) -> Path:
    """A folder for a search on the same cohort, which need not be ingested again."""
    out = whole.best.parent.with_name(name)
    shutil.copytree(whole.best.parent / "cohort", out / "cohort")
    return out


def rows(result: TuneResult) -> list[dict[str, str]]:
    with result.table.open() as stream:
        table = list(csv.DictReader(stream))
    return [{key: cell for key, cell in row.items() if key != "seconds"} for row in table]


def test_a_search_tries_what_it_was_asked_for_and_the_study_as_it_is(whole: TuneResult) -> None:
    table = rows(whole)
    assert [row["trial"] for row in table] == ["0", "1", "2", "3", "4", "5"]
    assert (whole.trials, whole.failed) == (5, 0)
    values = [float(row["value"]) for row in table]
    assert whole.value == pytest.approx(max(values))
    assert whole.unchanged == pytest.approx(values[0])
    assert values[whole.number] == pytest.approx(whole.value)
    assert 0 < whole.standard_error < 0.3
    assert whole.corrected < whole.value + 0.02
    assert 0.5 < whole.value <= 1


def test_the_test_split_is_not_read(whole: TuneResult) -> None:
    cohort = Cohort.load(whole.best.parent / "cohort")
    assert cohort.test_reads() == []
    test = set(cohort.table(["image_id"], split="test")["image_id"].to_pylist())
    ways: tuple[Way, ...] = ("tune", "nested")
    for way in ways:
        judge = Judge(cohort, whole.best.parent, way=way, engine=LocalEngine(1), seed=0)
        judged = {judge._rows.ids[at] for at in judge._chosen}
        assert judged
        assert not judged & test


def test_the_best_study_is_a_study_with_the_best_settings(whole: TuneResult, folder: Path) -> None:
    best, first = load_study(whole.best), load_study(folder / "study.toml")
    assert best.path(best.settings.cohort.source) == (folder / "source")
    for key, value in whole.settings.items():
        assert getattr(best.settings.reader, key.removeprefix("reader.")) == value
    others = {key.removeprefix("reader.") for key in whole.settings}
    assert best.settings.reader.model_dump(exclude=others) == first.settings.reader.model_dump(exclude=others)
    assert best.settings.evaluation == first.settings.evaluation
    assert best.settings.tune == first.settings.tune
    assert best.ingest_settings() == first.ingest_settings()


def test_the_same_search_gives_the_same_trials_and_more_of_them(whole: TuneResult, folder: Path) -> None:
    out = beside(whole, "again")
    study = load_study(folder / "study.toml")
    again = tune_study(study, out, trials=3)
    assert rows(again) == rows(whole)[:4]
    assert rows(tune_study(study, out)) == rows(whole)
    assert (out / "best.toml").read_text() == whole.best.read_text()


def test_a_search_that_was_cut_off_goes_on_with_the_trial_that_was_lost(
    whole: TuneResult, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = beside(whole, "cut")
    study, calls = load_study(folder / "study.toml"), []

    def cut_off(self: Judge, settings: Any) -> Any:
        calls.append(settings)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return call(self, settings)

    call = Judge.__call__
    with monkeypatch.context() as patch:
        patch.setattr(Judge, "__call__", cut_off)
        with pytest.raises(KeyboardInterrupt):
            tune_study(study, out)
    assert not (out / "best.toml").exists()
    assert rows(tune_study(study, out)) == rows(whole)


def test_settings_that_cannot_be_trained_are_a_failed_trial(
    whole: TuneResult, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = beside(whole, "failing")
    call = Judge.__call__

    def refusing(self: Judge, settings: Any) -> Any:
        if settings.head == "logistic":
            raise TrainingError("has too few patients", where="class 'malignant'", todo="add some")
        return call(self, settings)

    monkeypatch.setattr(Judge, "__call__", refusing)
    result = tune_study(load_study(folder / "study.toml"), out)
    table = rows(result)
    failed = [row for row in table[1:] if row["reader.head"] == "logistic"]
    assert result.failed == len(failed) > 0
    assert {row["failed"] for row in failed} == {"class 'malignant': has too few patients; add some"}
    assert {row["value"] for row in failed} == {""}
    assert result.trials == 5
    page = result.page.read_text()
    assert "has too few patients" in page


def test_nothing_that_can_be_trained_is_an_error(
    whole: TuneResult, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = beside(whole, "nothing")

    def refusing(self: Judge, settings: Any) -> Any:
        raise TrainingError("has too few patients")

    monkeypatch.setattr(Judge, "__call__", refusing)
    with pytest.raises(TrainingError, match="none of 6 settings could be trained, the first: has too few"):
        tune_study(load_study(folder / "study.toml"), out)


def test_nested_cross_validation_judges_every_image_of_train_and_tune(
    whole: TuneResult, folder: Path
) -> None:
    out = beside(whole, "nested")
    path = folder / "nested.toml"
    path.write_text((folder / "study.toml").read_text().replace("trials = 5", 'trials = 2\njudge = "nested"'))
    result = tune_study(load_study(path), out)
    [file, *_] = (out / "judged").glob("*.npz")
    with np.load(file, allow_pickle=False) as found:
        logits, inner = found["logits"], found["inner"]
    cohort = Cohort.load(out / "cohort")
    count = sum(len(cohort.table(["image_id"], split=split)) for split in ("train", "tune"))
    assert logits.shape == (count, 1)
    assert np.isfinite(logits).all()
    # Each image is without an inner answer in its own fold alone.
    assert (np.isnan(inner[..., 0]).sum(0) == 1).all()
    assert 0 < result.corrected <= 1


def test_nested_with_fine_tuning_is_refused_before_anything_runs(folder: Path) -> None:
    study = load_study(
        folder / "study.toml",
        overrule=['tune.judge="nested"', 'reader.phases=["head", "fine-tune"]'],
    )
    with pytest.raises(StudyError, match="nested cross-validation judges heads alone"):
        tune_study(study, folder / "refused")
    assert not (folder / "refused").exists()


def test_a_wrong_space_is_refused_before_anything_runs(folder: Path) -> None:
    study = load_study(folder / "study.toml", overrule=['tune.space={"reader.hed" = ["mlp"]}'])
    with pytest.raises(StudyError, match=r"'reader\.hed' is no key; did you mean 'reader\.head'\?"):
        tune_study(study, folder / "refused")
    assert not (folder / "refused").exists()


def test_another_study_in_the_same_folder_is_refused(whole: TuneResult, folder: Path) -> None:
    study = load_study(folder / "study.toml", overrule=["reader.resize=crop"])
    with pytest.raises(UsageError, match="choose another folder"):
        tune_study(study, whole.best.parent)


def test_no_trial_is_begun_after_the_time(whole: TuneResult, folder: Path) -> None:
    out = beside(whole, "late")
    result = tune_study(load_study(folder / "study.toml"), out, timeout=0)
    assert (result.trials, result.number) == (0, 0)
    assert tomllib.loads(result.best.read_text())["study"]["name"] == "small"


def test_the_command_prints_one_json_object(whole: TuneResult, folder: Path) -> None:
    said = ["tune", str(folder / "study.toml"), "-o", str(whole.best.parent), "--json"]
    done = CliRunner().invoke(app, said)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["best"] == str(whole.best)
    assert found["value"] == pytest.approx(whole.value)
    assert set(found) == set(whole.as_json())


def test_the_command_says_what_was_found(whole: TuneResult, folder: Path) -> None:
    done = CliRunner().invoke(app, ["tune", str(folder / "study.toml"), "-o", str(whole.best.parent)])
    assert done.exit_code == 0, done.output
    assert "corrected for choosing" in done.stdout
    assert "overread run" in done.stdout


def test_every_refusal_is_one_sentence(folder: Path) -> None:
    study = load_study(folder / "study.toml", overrule=["tune.space={}", "tune.metric=log_loss"])
    with pytest.raises(OverreadError) as raised:
        tune_study(study, folder / "whole")
    assert "\n" not in str(raised.value)
