"""`overread ingest` as a user's shell calls it: rules, leakage, retry, and a thousand damaged inputs."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.cli.conftest import Said
from tests.cohort.pictures import picture, write_class_folders, write_patients, write_table

Command = Callable[..., Said]

MEMORY = """
import resource, sys
from overread.cli import main
try:
    main()
finally:
    # Of this process since it began; getrusage would count the memory of the process that started it, too.
    [own] = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
    print(int(own) + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """30 images of 15 patients beside a table; every third patient has no age."""
    folder = tmp_path / "images"
    rows = write_patients(folder, patients=15)
    for at, row in enumerate(rows):
        row["age"] = "" if at % 6 == 0 else row["age"]
        row["view"] = "AP" if at % 5 == 4 else "PA"
        row["label"] = {"malignant": "mel", "benign": "nv" if at % 4 else "bkl"}[str(row["label"])]
    write_table(folder / "labels.csv", rows)
    return folder


def test_rules_and_codes_of_a_table_are_counted(command: Command, source: Path, tmp_path: Path) -> None:
    said = command(
        *("ingest", source, "-o", tmp_path / "out", "--json"),
        *("--map", "mel=malignant", "--map", "nv=benign", "--map", "bkl=benign"),
        *("--drop-missing", "age", "--exclude", "view=AP"),
    )
    assert said.code == 0, said.err
    card = said.json
    assert (card["found"], card["classes"], card["negative"]) == (30, ["malignant"], "benign")
    steps = [(step["reason"], step["what"], step["removed"]) for step in card["flow"]]
    assert steps == [("incomplete-row", "age not stated", 5), ("excluded", "view is AP", 5)]
    assert card["flow"][-1]["left"] == card["read"] == 20
    assert card["columns"]["patient"] == "patient_id"
    assert sum(sum(of.values()) for of in card["counts"].values()) == 20


def test_leakage_stops_the_command_until_it_is_accepted(
    command: Command, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    said = command("ingest", source, "-o", out, "--positive", "mel", "--split-by", "image")
    assert said.code == 1
    assert "patients stand on two sides of the split" in said.err
    assert 'accept_leakage = ["patient"]' in said.err
    assert "P0" not in said.err
    said = command(
        *("ingest", source, "-o", out, "--positive", "mel", "--split-by", "image", "--json"),
        *("--accept-leakage", "patient"),
    )
    assert said.code == 0, said.err
    assert [leak["kind"] for leak in said.json["leakage"]] == ["patient"]


def test_retry_needs_nothing_but_the_cohort(command: Command, tmp_path: Path) -> None:
    source, out = write_class_folders(tmp_path / "skin", {"benign": 9, "malignant": 9}), tmp_path / "out"
    (source / "benign" / "004.jpg").write_bytes(b"")
    assert command("ingest", source, "-o", out, "--seed", 7).code == 0
    (source / "benign" / "004.jpg").write_bytes(picture(4))
    said = command("ingest", "--retry", "-o", out, "--json")
    assert said.code == 0, said.err
    assert (said.json["read"], said.json["rejected"], said.json["seed"]) == (18, 0, 7)
    assert "1 of 18 inputs" in said.err
    assert command("ingest", tmp_path, "--retry", "-o", out).code == 2
    assert "no cohort here whose rejects" in command("ingest", "--retry", "-o", tmp_path / "no").err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--split-by", "hospital"], "--split-by: input should be 'patient', 'group'"),
        (["--accept-leakage", "all"], "--accept-leakage"),
        (["--map", "mel"], "--map: expected NAME=VALUE, got 'mel'; write nv=benign"),
        (["--map", "a=b", "--map", "a=c"], "--map: 'a' stands twice"),
        (["--layout", "ham1000"], "layout 'ham1000': there is no such layout, the nearest is 'ham10000'"),
        (["--exclude", "colour=red"], "has no column 'colour'"),
        (["--map", "naevus=benign"], "no image that is left has the label 'naevus'"),
        (["--split-by", "date"], "a split by date needs dates"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    command: Command, source: Path, tmp_path: Path, options: list[str], said: str
) -> None:
    came = command("ingest", source, "-o", tmp_path / "out", "--positive", "mel", *options)
    assert came.code in (1, 2)
    assert said in came.err
    assert "Traceback" not in came.err


def test_a_source_must_be_named(command: Command, tmp_path: Path) -> None:
    came = command("ingest", "-o", tmp_path / "out")
    assert came.code == 2
    assert "no source was named" in came.err


@pytest.mark.slow
def test_a_thousand_damaged_inputs_are_a_thousand_rejects(tmp_path: Path) -> None:
    """None lost, no traceback, and never more than 2 GiB, though many claim to be enormous."""
    rng = np.random.default_rng(0)
    source = write_class_folders(tmp_path / "set", {"benign": 10, "malignant": 10})
    whole = picture(5, width=96, height=64)
    png = picture(6, width=96, height=64, kind="PNG")
    huge, tiff = io.BytesIO(), io.BytesIO()
    Image.new("1", (40_000, 40_000)).save(huge, "PNG")
    Image.fromarray(rng.integers(0, 256, (64, 96, 3), np.uint8)).save(tiff, "TIFF", compression="tiff_lzw")
    for at in range(100):
        folder = source / ("benign", "malignant")[at % 2]
        noise = bytearray(whole)
        noise[20:400] = rng.integers(0, 256, 380, dtype=np.uint8).tobytes()
        swapped = bytearray(png)
        swapped[int(rng.integers(40, len(png) - 20))] ^= 0xFF
        for name, content in {
            "cut.jpg": whole[: int(rng.integers(3, len(whole) - 60))],
            "noise.jpg": bytes(noise),
            "cut.png": png[: int(rng.integers(9, len(png) - 30))],
            "flipped.png": bytes(swapped),
            "cut.tif": tiff.getvalue()[: int(rng.integers(9, 300))],
            "empty.jpg": b"",
            "text.jpg": b"this is no picture " * (at + 1),
            "huge.png": huge.getvalue(),
            "random.jpg": b"\xff\xd8\xff\xe0" + rng.bytes(500),
            "pdf.png": b"%PDF-1.7\n" + rng.bytes(500),
        }.items():
            (folder / f"damaged_{at}_{name}").write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, "ingest", str(source), "-o", str(tmp_path / "out"), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    card = json.loads(done.stdout)
    assert (card["found"], card["read"], card["rejected"]) == (1020, 20, 1000)
    rejects = pq.read_table(tmp_path / "out" / "rejects.parquet").to_pylist()
    assert len({row["uri"] for row in rejects}) == 1000
    assert all(row["reason"] and row["detail"] for row in rejects)
    assert Counter(row["reason"] for row in rejects) == card["reject_reasons"]
    assert sum(step["removed"] for step in card["flow"]) == 1000
    peak_kib = int(done.stderr.strip().splitlines()[-1])
    assert peak_kib < 2 * 2**20
