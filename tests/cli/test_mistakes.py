"""What a user gets who did something wrong: one sentence, exit code 1 or 2, no traceback."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from safetensors.numpy import save_file

from overread.cli import studies
from overread.imaging.phantoms import draw_lesion
from tests.cli.conftest import STUDY, Finished, Said
from tests.cohort.pictures import write_patients, write_table

Command = Callable[..., Said]


def refused(said: Said, *words: str) -> None:
    assert said.code in (1, 2), said
    assert "Traceback" not in said.err
    assert "bug in Overread" not in said.err
    last = said.err.strip().splitlines()[-1]
    assert last.startswith("error: "), said.err
    for word in words:
        assert word in last, last


def draw(path: Path, count: int, *, seed: int) -> None:
    path.mkdir(parents=True)
    for index in range(count):
        pixels = draw_lesion(0.0, np.random.default_rng([seed, index]))
        Image.fromarray(pixels).resize((48, 48)).save(path / f"{path.name}_{index}.png")


@pytest.fixture
def study(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str = STUDY) -> Path:
        file = tmp_path / "study.toml"
        file.write_text(text.replace('"phantoms"', '"images"'))
        return file

    return write


def test_one_class_only(command: Command, study: Callable[..., Path], tmp_path: Path) -> None:
    draw(tmp_path / "images" / "malignant", 8, seed=1)
    refused(command("run", study(), "--json"), "class")


def test_a_class_with_two_images(command: Command, study: Callable[..., Path], tmp_path: Path) -> None:
    draw(tmp_path / "images" / "benign", 20, seed=1)
    draw(tmp_path / "images" / "malignant", 2, seed=2)
    refused(command("run", study(), "--json"), "malignant", "2")


def test_a_table_naming_only_missing_files(
    command: Command, study: Callable[..., Path], tmp_path: Path
) -> None:
    draw(tmp_path / "images", 3, seed=1)
    (tmp_path / "images" / "labels.csv").write_text("image,label\nno1.png,benign\nno2.png,malignant\n")
    refused(command("run", study(), "--json"), "labels.csv")


def test_a_table_without_the_column_that_is_named(
    command: Command, study: Callable[..., Path], tmp_path: Path
) -> None:
    draw(tmp_path / "images", 3, seed=1)
    (tmp_path / "images" / "labels.csv").write_text("image,label\nimages_0.png,benign\n")
    text = STUDY.replace("[reader]", 'columns = { label = "diagnosis" }\n[reader]')
    refused(command("run", study(text), "--json"), "diagnosis")


def test_a_patient_in_two_given_splits(command: Command, study: Callable[..., Path], tmp_path: Path) -> None:
    draw(tmp_path / "images", 40, seed=1)
    rows = [
        f"images_{i}.png,{'malignant' if i % 2 else 'benign'},p{i // 4},{'train' if i < 22 else 'test'}"
        for i in range(40)
    ]
    table = "image,label,patient_id,split\n" + "\n".join(rows) + "\n"
    (tmp_path / "images" / "labels.csv").write_text(table)
    said = command("run", study(), "--json")
    refused(said, "patient")
    assert "p5" not in said.err, "a patient's id is in a message"


def test_weights_that_do_not_fit_the_backbone(command: Command, finished: Finished, tmp_path: Path) -> None:
    save_file({"conv1.weight": np.zeros((3, 3), np.float32)}, tmp_path / "other.safetensors")
    said = command(
        "run", finished.study, "-o", tmp_path / "run", "--workers", 1,
        "--set", f"reader.weights={tmp_path}/other.safetensors",
    )  # fmt: skip
    refused(said, "tensors do not fit", "resnet10t")


def test_weights_that_are_not_there_say_which_file_to_bring(
    command: Command, finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", unreachable)
    said = command(
        "run", finished.study, "-o", tmp_path / "run", "--workers", 1, "--set", "reader.weights=imagenet"
    )
    refused(said, "cannot be reached", "resnet10t.safetensors", 'weights = "resnet10t.safetensors"')


def test_a_misspelt_key_names_the_nearest_one(command: Command, study: Callable[..., Path]) -> None:
    said = command("run", study(STUDY.replace("image_size", "imagesize")))
    refused(said, "reader.imagesize", "did you mean 'reader.image_size'")
    assert said.code == 2


def test_no_study_no_cohort_no_bundle_no_input(command: Command, finished: Finished, tmp_path: Path) -> None:
    refused(command("run", tmp_path / "no.toml"), "no.toml", "no such file")
    refused(command("train", tmp_path / "no", "-o", tmp_path / "b"), "no finished cohort")
    refused(command("bundle", "verify", tmp_path / "no"), "no")
    refused(command("predict", finished.bundle, tmp_path / "no", "-o", tmp_path / "r.csv"), "no")
    refused(
        command("predict", finished.bundle, finished.folder, "-o", tmp_path / "r.txt"), ".csv or .parquet"
    )
    refused(command("ingest", tmp_path / "no", "-o", tmp_path / "c"), "no")


def test_a_bundle_is_not_evaluated_on_a_cohort_of_other_classes(
    command: Command, finished: Finished, tmp_path: Path
) -> None:
    made = command(
        "ingest", finished.folder / "phantoms", "-o", tmp_path / "c", "--positive", "benign", "--workers", 1
    )
    assert made.code == 0, made.err
    refused(command("evaluate", finished.bundle, tmp_path / "c", "-o", tmp_path / "e"), "malignant", "benign")


def test_options_that_cannot_be_right_are_wrong_usage(command: Command, tmp_path: Path) -> None:
    assert command("run").code == 2
    assert command("predict", "--nonsense").code == 2
    out = ("-o", tmp_path / "c")
    refused(command("ingest", tmp_path, *out, "--split", "1,2"), "--split")
    refused(command("ingest", tmp_path, *out, "--split", "0.9,0.2,0.2"), "--split", "must be 1")
    refused(command("ingest", tmp_path, *out, "--column", "image"), "--column")
    refused(command("ingest", tmp_path, *out, "--task", "guess"), "--task")


def test_a_bug_is_called_one_and_debug_shows_where(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(studies, "print_line", broken)
    said = command("init", "skin", "-o", tmp_path / "a.toml")
    assert said.code == 1
    assert "bug in Overread (ZeroDivisionError" in said.err
    monkeypatch.setenv("OVERREAD_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        command("init", "skin", "-o", tmp_path / "b.toml")


def test_two_hundred_damaged_inputs_are_two_hundred_rejects(
    command: Command, finished: Finished, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    whole = sorted((finished.folder / "phantoms" / "benign").iterdir())[0].read_bytes()
    folder = tmp_path / "damaged"
    folder.mkdir()
    huge = io.BytesIO()
    Image.new("1", (40_000, 40_000)).save(huge, "PNG")
    for index in range(40):
        (folder / f"truncated_{index}.jpg").write_bytes(whole[: int(rng.integers(20, len(whole) - 40))])
        flipped = bytearray(whole)
        flipped[2:400] = rng.integers(0, 256, 398, dtype=np.uint8).tobytes()
        (folder / f"flipped_{index}.jpg").write_bytes(flipped)
        (folder / f"empty_{index}.png").write_bytes(b"")
        (folder / f"text_{index}.jpg").write_text("no picture " * (index + 1))
        (folder / f"huge_{index}.png").write_bytes(huge.getvalue())
    shutil.copy(sorted((finished.folder / "phantoms" / "benign").iterdir())[0], folder / "whole.jpg")
    out = tmp_path / "readings.csv"
    said = command("predict", finished.bundle, folder, "-o", out, "--workers", 1, "--json")
    assert said.code == 0, said.err
    assert (said.json["found"], said.json["read"], said.json["rejected"]) == (201, 1, 200)
    assert "Traceback" not in said.err
    rejects = pq.read_table(tmp_path / "readings.rejects.parquet").to_pylist()
    assert len({row["uri"] for row in rejects}) == 200
    assert all(row["reason"] and row["detail"] for row in rejects)
    reasons = {Path(row["uri"]).name.split("_")[0]: row["reason"] for row in rejects}
    assert reasons["empty"] == "empty"
    assert reasons["text"] == "not-an-image"
    assert reasons["huge"] == "too-large"
    assert reasons["truncated"] in ("truncated", "damaged")


def test_a_package_that_is_not_installed_is_named(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    write_table(tmp_path / "metadata.csv", write_patients(tmp_path / "images"))
    said = command("explore", tmp_path / "metadata.csv", "-o", tmp_path / "page.html", "--no-audit")
    assert said.code == 1
    assert "the package 'jinja2' is not installed here" in said.err
