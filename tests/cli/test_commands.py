from __future__ import annotations

import csv
import gc
import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from overread.cohort import Cohort
from tests.cli.conftest import Finished, Said

Command = Callable[..., Said]
pytestmark = pytest.mark.usefixtures("exported_networks")


def test_run_ends_with_the_paths_of_report_bundle_readings_and_evaluation(finished: Finished) -> None:
    for name in ("report", "bundle", "readings", "evaluation", "cohort"):
        assert Path(finished.said[name]).exists(), name
    assert finished.said["found"] == finished.said["read"] + finished.said["rejected"]
    assert 0.5 < finished.said["figures"]["roc_auc"]["value"] <= 1
    assert "<!doctype html>" in Path(finished.said["report"]).read_text("utf-8")[:200].lower()


def test_run_again_does_nothing_and_says_the_same(command: Command, finished: Finished) -> None:
    before = (finished.bundle / "bundle.json").stat().st_mtime_ns
    again = command("run", finished.study, "-o", finished.folder / "run", "--json")
    assert again.json == finished.said
    assert (finished.bundle / "bundle.json").stat().st_mtime_ns == before


def test_run_for_a_person_shows_figures_with_intervals_and_paths(
    command: Command, finished: Finished
) -> None:
    shown = command("run", finished.study, "-o", finished.folder / "run").out
    assert "ROC AUC" in shown
    assert "95 % intervals" in shown
    assert "report.html" in shown


def test_init_writes_a_study_that_toml_reads_and_never_overwrites(command: Command, tmp_path: Path) -> None:
    study = tmp_path / "mine.toml"
    assert command("init", "skin", "-o", study).code == 0
    assert tomllib.loads(study.read_text())["cohort"]["positive"] == "malignant"
    study.write_text("precious")
    again = command("init", "skin", "-o", study)
    assert again.code == 2
    assert "is there already" in again.err
    assert study.read_text() == "precious"
    assert command("init", "liver").code == 2


def test_ingest_prints_the_cohorts_figures(command: Command, finished: Finished, tmp_path: Path) -> None:
    said = command(
        "ingest", finished.folder / "phantoms", "-o", tmp_path / "cohort", "--positive", "malignant",
        "--split", "0.5,0.25,0.25", "--column", "patient=patient_id", "--workers", 1, "--json",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert said.json["found"] == said.json["read"] + said.json["rejected"]
    assert said.json["patients"] == 40
    assert said.json["patient_known"] is True
    assert set(said.json["counts"]) == {"train", "tune", "test"}


def test_train_then_evaluate_give_the_studys_figures(
    command: Command, finished: Finished, tmp_path: Path
) -> None:
    trained = command(
        "train", finished.said["cohort"], "-o", tmp_path / "bundle", "--study", finished.study,
        "--workers", 1, "--json",
    )  # fmt: skip
    assert trained.code == 0, trained.err
    assert trained.json["name"] == "small@1"
    same = (tmp_path / "bundle" / "network.onnx").read_bytes()
    assert same == (finished.bundle / "network.onnx").read_bytes()
    found = command(
        "evaluate", tmp_path / "bundle", finished.said["cohort"], "-o", tmp_path / "evaluation",
        "--resamples", 100, "--workers", 1, "--json",
    )  # fmt: skip
    assert found.code == 0, found.err
    assert found.json["figures"] == finished.said["figures"]
    assert found.json["test_reads"] == 1


def test_train_takes_settings_without_a_study(command: Command, finished: Finished, tmp_path: Path) -> None:
    settings = [
        "reader.backbone=resnet10t",
        "reader.weights=none",
        "reader.image_size=64",
        'reader.phases=["head"]',
    ]
    overrule = [part for one in settings for part in ("--set", one)]
    said = command(
        "train", finished.said["cohort"], "-o", tmp_path / "b", *overrule, "--workers", 1, "--json"
    )
    assert said.code == 0, said.err
    assert said.json["operating_points"][0]["class_name"] == "malignant"


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_predict_writes_one_row_an_image(
    command: Command, finished: Finished, tmp_path: Path, suffix: str
) -> None:
    images = sorted((finished.folder / "phantoms" / "malignant").iterdir())[:3]
    out = tmp_path / f"readings.{suffix}"
    said = command("predict", finished.bundle, *images, "-o", out, "--workers", 1, "--json")
    assert said.code == 0, said.err
    assert (said.json["found"], said.json["read"], said.json["rejected"]) == (3, 3, 0)
    if suffix == "parquet":
        table = pq.read_table(out)
        assert {"image_id", "uri", "score", "decision", "operating_point", "novelty", "bundle"} <= set(
            table.column_names
        )
        rows = table.to_pylist()
    else:
        with out.open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert all(0 <= float(row["score.malignant"]) <= 1 for row in rows)
    assert len(rows) == 3
    assert {row["bundle"] for row in rows} == {"small@1"}


def test_bundle_show_verify_and_zip(command: Command, finished: Finished, tmp_path: Path) -> None:
    shown = command("bundle", "show", finished.bundle, "--json")
    assert "malignant" in shown.out
    assert json.loads(shown.out)
    for_a_person = command("bundle", "show", finished.bundle).out
    assert "urgent: malignant" in for_a_person
    assert "{" not in for_a_person
    verified = command("bundle", "verify", finished.bundle, "--json")
    assert verified.json["max_score_difference"] <= 1e-5
    packed = command("bundle", "zip", finished.bundle, "-o", tmp_path / "small.overread", "--json")
    assert command("bundle", "verify", packed.json["bundle"]).code == 0


def test_a_bundle_with_one_changed_byte_is_refused_by_name(
    command: Command, finished: Finished, tmp_path: Path
) -> None:
    broken = tmp_path / "bundle"
    shutil.copytree(finished.bundle, broken)
    network = bytearray((broken / "network.onnx").read_bytes())
    network[len(network) // 2] ^= 1
    (broken / "network.onnx").write_bytes(network)
    for arguments in (("bundle", "verify"), ("bundle", "show")):
        said = command(*arguments, broken)
        assert said.code == 1
        assert "network.onnx" in said.err
        assert "Traceback" not in said.err


def test_a_command_looks_for_garbage_more_rarely_than_python_does(command: Command) -> None:
    before = gc.get_threshold()
    try:
        gc.set_threshold(700, 10, 10)
        command("--version")
        assert gc.get_threshold() == (10_000, 20, 50)
    finally:
        gc.set_threshold(*before)


def test_the_command_is_installed_and_knows_its_version() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from overread.cli import main; main()", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("overread 0.")


def test_a_bundle_names_no_folder_of_the_machine_that_made_it(finished: Finished) -> None:
    for name in ("bundle.json", "training.json", "MODEL_CARD.md", "evaluation.json", "report.html"):
        assert str(finished.folder) not in (finished.bundle / name).read_text("utf-8"), name


def test_no_figure_of_train_is_a_copys(command: Command, finished: Finished, tmp_path: Path) -> None:
    source = Path(finished.said["cohort"])
    said = command("augment", source, "-o", tmp_path / "augmented", "--share", "0.45", "--json")
    assert said.code == 0, said.err
    assert said.json["copies"]
    expected = Cohort.load(source).table(["image_id"], split="train")["image_id"].to_pylist()
    evaluated = []
    for folder in (source, tmp_path / "augmented"):
        out = tmp_path / f"evaluation-{len(evaluated)}"
        done = command(
            *("evaluate", finished.bundle, folder, "-o", out, "--split", "train", "--resamples", 100),
            *("--workers", 1, "--json"),
        )
        assert done.code == 0, done.err
        evaluated.append(done.json["figures"])
        ids = pq.read_table(out / "readings.parquet")["image_id"].to_pylist()
        assert sorted(ids) == sorted(expected)
    assert evaluated[0] == evaluated[1]
