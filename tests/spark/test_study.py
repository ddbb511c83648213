"""The same study on every engine: not nearly the same, the same bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from overread.cohort import Cohort
from overread.engine import LocalEngine
from overread.engine.spark import SparkEngine
from overread.study import load_study, run_study
from tests.cli.conftest import call
from tests.spark.conftest import SMALL
from tests.training.made import write_images

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("exported_networks")]

STUDY = """
[study]
name = "small"
[cohort]
source = "source"
positive = "malignant"
[reader]
backbone = "test_efficientnet"
weights = "none"
image_size = 32
phases = ["head"]
folds = 2
[evaluation]
resamples = 100
[engine]
"""
ON_SPARK = f'engine = "spark"\nspark = {{ {", ".join(f"{k!r} = {v!r}" for k, v in SMALL.items())} }}\n'


def draw(folder: Path, *, each: int) -> Path:
    """Two classes of images, and of what is none: cut off, empty, text, and one picture twice."""
    write_images(folder, {"benign": each, "malignant": each})
    whole = (folder / "benign" / "000.png").read_bytes()
    (folder / "benign" / "twice.png").write_bytes(whole)
    (folder / "benign" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "malignant" / "empty.jpg").touch()
    (folder / "malignant" / "text.jpg").write_text("no picture")
    return folder


@dataclass(frozen=True)
class Ran:
    """A study that was run.

    Attributes:
        out: Its folder.
        files: SHA-256 of every file that users or bundles take away, by its path.
        ran: Which engine did what.
    """

    out: Path
    files: dict[str, str]
    ran: set[tuple[str, str]]

    @property
    def bundle(self) -> Path:
        return self.out / "bundle"


def digests(out: Path) -> dict[str, str]:
    taken = [*(out / "cohort").rglob("*.parquet"), *(out / "bundle").rglob("*"), *out.glob("*.*")]
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in taken
        if path.is_file() and path.name != "run.json"
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    draw(folder / "source", each=24)
    draw(folder / "unseen", each=9)
    return folder


@pytest.fixture(scope="module", autouse=True)
def no_commit() -> Iterator[None]:
    """A commit in the middle of the tests is no difference between two runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("overread.study.build._git_commit", lambda: "")
        yield


def run(folder: Path, name: str, engine: str) -> Ran:
    """Run the study with this `[engine]` table, and watch which engine is asked for what."""
    study = folder / f"{name}.toml"
    study.write_text(STUDY + engine)
    ran: set[tuple[str, str]] = set()
    with pytest.MonkeyPatch.context() as patch:
        for kind in (LocalEngine, SparkEngine):
            patch.setattr(kind, "run", _watched(kind, ran))
        run_study(load_study(study), folder / name)
    return Ran(folder / name, digests(folder / name), ran)


def _watched(kind: type, ran: set[tuple[str, str]]) -> Any:
    before = kind.run  # type: ignore[attr-defined]

    def watched(self: Any, *arguments: Any, label: str = "", **options: Any) -> Path:
        ran.add((kind.__name__, label))
        return before(self, *arguments, label=label, **options)

    return watched


@pytest.fixture(scope="module")
def expected(folder: Path) -> Ran:
    return run(folder, "one", "workers = 1\n")


def test_the_study_holds_what_the_engines_are_compared_by(expected: Ran) -> None:
    assert {
        "cohort/rejects.parquet", "bundle/network.onnx", "bundle/bundle.json", "readings.parquet",
        "evaluation.json", "report.html",
    } <= set(expected.files)  # fmt: skip
    reasons = pq.read_table(expected.out / "cohort" / "rejects.parquet")["reason"].to_pylist()
    assert sorted(reasons) == ["empty", "not-an-image", "truncated"]
    assert json.loads((expected.out / "evaluation.json").read_text())["overall"]["roc_auc"]["value"] > 0.5


def test_two_workers_give_the_same_study(folder: Path, expected: Ran) -> None:
    assert run(folder, "two", "workers = 2\n").files == expected.files


@pytest.mark.parametrize(
    "master", [pytest.param("local[1]", marks=pytest.mark.exhaustive), "local[2]", "cluster"]
)
def test_spark_gives_the_same_study(
    folder: Path, expected: Ran, own_session: None, master: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("cluster") if master == "cluster" else master
    found = run(folder, master, f'{ON_SPARK}master = "{url}"\n')
    assert found.files == expected.files
    hashes = [Cohort.load(one.out / "cohort").card.content_hash for one in (found, expected)]
    assert hashes[0] == hashes[1]
    # Equal because it is the same code on Spark, not because nothing ran there.
    assert {("SparkEngine", label) for _, label in expected.ran} == found.ran


SPARK = ("--engine", "spark", "--master", "local[2]", "--spark-conf", "spark.driver.memory=512m")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_predict_writes_the_same_bytes_on_spark(
    expected: Ran, folder: Path, own_session: None, tmp_path: Path, ending: str
) -> None:
    said = {}
    for name, options in {"local": ("--engine", "local", "--workers", 1), "spark": SPARK}.items():
        out = tmp_path / name / f"readings.{ending}"
        answer = call("predict", expected.bundle, folder / "unseen", "-o", out, *options, "--json")
        assert answer.code == 0, answer.err
        assert ("Spark" in answer.err) == (name == "spark")
        said[name] = {**answer.json, "readings": None, "rejects": None}
    assert said["spark"] == said["local"]
    assert (said["spark"]["found"], said["spark"]["rejected"]) == (22, 3)
    for name in (f"readings.{ending}", "readings.rejects.parquet"):
        assert (tmp_path / "spark" / name).read_bytes() == (tmp_path / "local" / name).read_bytes()


def test_ingest_and_explore_say_the_same_on_spark(folder: Path, own_session: None, tmp_path: Path) -> None:
    said: dict[str, dict[str, Any]] = {}
    for name, options in {"local": ("--workers", 1), "spark": SPARK}.items():
        cohort, page = tmp_path / name / "cohort", tmp_path / name / "page.html"
        made = call("ingest", folder / "source", "-o", cohort, "--positive", "malignant", *options, "--json")
        shown = call("explore", folder / "source", "-o", page, "--positive", "malignant", *options, "--json")
        assert (made.code, shown.code) == (0, 0), made.err + shown.err
        said[name] = {**made.json, **shown.json, "cohort": None, "rejects": None, "page": None}
        said[name]["bytes"] = {path.name: path.read_bytes() for path in cohort.rglob("*.parquet")}
        said[name]["html"] = page.read_bytes()
    assert said["spark"] == said["local"]
