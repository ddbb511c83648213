from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file

from overread.bundle import Bundle
from overread.cohort import Cohort
from overread.errors import OverreadError
from overread.evaluation import Evaluation
from overread.study import RunResult, load_study, run_study
from tests.training.made import write_images

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("exported_networks")


def write_study(folder: Path, **changes: str) -> Path:
    """A study that takes seconds; `changes` are lines for a table."""
    tables = {
        "study": 'name = "small"',
        "cohort": 'source = "source"\npositive = "malignant"',
        "reader": 'backbone = "test_efficientnet"\nweights = "none"\nimage_size = 32\n'
        'phases = ["head"]\nfolds = 2',
        "evaluation": "resamples = 100",
        "engine": "workers = 1",
    }
    for name, lines in changes.items():
        tables[name] = f"{tables[name]}\n{lines}" if name != "cohort" else lines
    path = folder / "study.toml"
    path.write_text("\n".join(f"[{name}]\n{lines}" for name, lines in tables.items()))
    return path


@pytest.fixture(scope="module", autouse=True)
def no_commit() -> Iterator[None]:
    """A commit in the middle of the tests is no difference between two runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("overread.study.build._git_commit", lambda: "")
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunResult]:
    folder = tmp_path_factory.mktemp("study")
    write_images(folder / "source", {"benign": 30, "malignant": 30})
    return folder, run_study(load_study(write_study(folder)), folder / "out")


def scores(out: Path) -> dict[str, list[float]]:
    table = pq.read_table(out / "readings.parquet")
    return dict(zip(table["image_id"].to_pylist(), table["score"].to_pylist(), strict=True))


def test_a_run_ends_with_bundle_readings_evaluation_and_report(finished: tuple[Path, RunResult]) -> None:
    _, result = finished
    assert (result.bundle / "bundle.json").is_file()
    assert (result.bundle / "report.html").read_bytes() == result.report.read_bytes()
    assert result.report.read_text().lstrip().lower().startswith("<!doctype html")
    assert (result.found, result.read, result.rejected) == (60, 60, 0)
    evaluation = Evaluation.load(result.evaluation)
    cohort = Cohort.load(result.cohort)
    assert len(scores(result.report.parent)) == len(cohort.table(["image_id"], split="test"))
    assert evaluation.test_reads == 1
    assert result.figures["roc_auc"]["value"] is not None
    assert json.loads(json.dumps(result.as_json()))["bundle"] == str(result.bundle)


def test_a_finished_run_again_does_nothing(finished: tuple[Path, RunResult]) -> None:
    folder, result = finished
    stamps = {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*") if path.is_file()}
    assert run_study(load_study(folder / "study.toml"), folder / "out") == result
    assert stamps == {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*") if path.is_file()}
    assert len(Cohort.load(result.cohort).test_reads()) == 1


EVERY_STEP = [
    "task:reading images:1",  # ingest
    "task:writing the cohort:1",
    "task:computing features:1",
    "call:attach",  # the bundle is packed, without its training record
    "task:reading images:1",  # predict, since the cohort is there by now
    "call:render_report",  # test has been read and that is written down
    "call:write_atomically",  # all but the report
]


@pytest.mark.slow
def test_a_killed_run_ends_as_an_uninterrupted_one(
    finished: tuple[Path, RunResult], exported_networks: Path
) -> None:
    folder, whole = finished
    out = folder / "killed"
    command = [sys.executable, "-m", "tests.study.kill_run", folder / "study.toml", out, exported_networks]
    done = subprocess.run([*command, *EVERY_STEP], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    run_study(load_study(folder / "study.toml"), out)
    for name in ["evaluation.json", "report.html", "readings.parquet"]:
        assert (out / name).read_bytes() == (whole.report.parent / name).read_bytes(), name
    for path in whole.bundle.rglob("*"):
        if path.is_file():
            assert (out / "bundle" / path.relative_to(whole.bundle)).read_bytes() == path.read_bytes(), path
    assert len(Cohort.load(out / "cohort").test_reads()) == 1


def test_another_seed_in_the_same_folder_trains_anew(finished: tuple[Path, RunResult]) -> None:
    folder, result = finished
    out = folder / "seeds"
    subprocess.run(["cp", "-r", folder / "out", out], check=True)
    network = (result.bundle / "network.onnx").read_bytes()
    (folder / "other").mkdir()
    (folder / "other" / "source").symlink_to(folder / "source")
    run_study(load_study(write_study(folder / "other", study="seed = 1")), out)
    assert (out / "bundle" / "network.onnx").read_bytes() != network
    assert Bundle.load(out / "bundle").manifest.provenance.seed == 1


# --- what cannot be: each one sentence, and nothing half done ---------------------------------------


def refusal(folder: Path, **changes: str) -> str:
    with pytest.raises(OverreadError) as raised:
        run_study(load_study(write_study(folder, **changes)), folder / "out")
    message = str(raised.value)
    assert "\n" not in message
    assert raised.value.exit_code in (1, 2)
    assert not (folder / "out" / "bundle").exists()
    return message


def test_one_class_only(tmp_path: Path) -> None:
    write_images(tmp_path / "source", {"malignant": 12})
    assert "class" in refusal(tmp_path)


@pytest.mark.parametrize("count", [1, 2])
def test_a_class_with_two_images_or_one(count: int, tmp_path: Path) -> None:
    write_images(tmp_path / "source", {"benign": 12, "malignant": count})
    message = refusal(tmp_path)
    assert "malignant" in message


def test_a_patient_in_two_given_splits(tmp_path: Path) -> None:
    for split in ("train", "tune", "test"):
        write_images(tmp_path / "source" / split, {"benign": 4, "malignant": 4})
    # The same bytes on two sides are the same patient.
    assert "split" in refusal(tmp_path)


def test_leakage_that_is_accepted_stands_in_the_report_and_in_the_model_card(tmp_path: Path) -> None:
    source = tmp_path / "source"
    write_images(source / "train", {"benign": 20, "malignant": 20})
    for name in ("benign", "malignant"):
        (source / "test" / name).mkdir(parents=True)
        for at in range(12, 20):
            (source / "train" / name / f"{at:03d}.png").rename(source / "test" / name / f"{at:03d}.png")
    copied = source / "test" / "benign" / "copy.png"
    copied.write_bytes((source / "train" / "benign" / "000.png").read_bytes())
    cohort = 'source = "source"\npositive = "malignant"'
    assert 'accept_leakage = ["file"]' in refusal(tmp_path, cohort=cohort)
    study = write_study(tmp_path, cohort=cohort + '\naccept_leakage = ["file"]')
    result = run_study(load_study(study), tmp_path / "out")
    said = "1 file stands on two sides of the split: 1 of the 17 images of test share one with train"
    assert (
        f"Leakage that the study accepts: {said}. The figures may be too good." in result.report.read_text()
    )
    assert said in (result.bundle / "MODEL_CARD.md").read_text()
    assert Evaluation.load(result.evaluation).cohort.leakage == (said,)


def test_a_table_naming_missing_files(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    with (tmp_path / "labels.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["image", "label"])
        writer.writerows([[f"a{i}.jpg", ["benign", "malignant"][i % 2]] for i in range(8)])
    message = refusal(tmp_path, cohort='source = "source"\ntable = "labels.csv"\npositive = "malignant"')
    assert "missing" in message or "no image" in message


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    write_images(tmp_path / "source", {"benign": 12, "malignant": 12})
    save_file({"conv1.weight": torch.zeros(2, 2)}, tmp_path / "net.safetensors")
    path = write_study(tmp_path)
    path.write_text(path.read_text().replace('"none"', '"net.safetensors"'))
    with pytest.raises(OverreadError, match="tensors do not fit 'test_efficientnet'") as raised:
        run_study(load_study(path), tmp_path / "out")
    assert "\n" not in str(raised.value)


def test_a_source_that_is_not_there(tmp_path: Path) -> None:
    assert "source" in refusal(tmp_path)


def test_an_urgent_class_that_is_none_is_refused_before_training(tmp_path: Path) -> None:
    write_images(tmp_path / "source", {"benign": 12, "malignant": 12})
    path = write_study(tmp_path)
    path.write_text(path.read_text() + '\n[bundle]\nurgent = ["melanoma"]\n')
    with pytest.raises(OverreadError, match="'melanoma' is no class of the cohort"):
        run_study(load_study(path), tmp_path / "out")
    assert not (tmp_path / "out" / "work").exists()


def test_weights_replaced_by_others_under_the_same_name_train_anew(tmp_path: Path) -> None:
    from overread.study.run import _key

    write_images(tmp_path / "source", {"benign": 12, "malignant": 12})
    path = write_study(tmp_path)
    path.write_text(path.read_text().replace('"none"', '"net.safetensors"'))

    class Card:
        content_hash = "x"

    class Stand:
        card = Card()

    keys = []
    for value in (0.0, 1.0, 0.0):
        save_file({"a": torch.full((2,), value)}, tmp_path / "net.safetensors")
        keys.append(_key(load_study(path), Stand()))  # type: ignore[arg-type]
    assert keys[0] != keys[1]
    assert keys[0] == keys[2]
    assert np.unique(keys).size == 2
