"""One small study, run once by the command line, and a way to call the command as a shell does."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from overread.cli import main
from overread.imaging.phantoms import generate_skin

STUDY = """
[study]
name = "small"
[cohort]
source = "phantoms"
positive = "malignant"
[reader]
backbone = "resnet10t"
weights = "none"
image_size = 64
phases = ["head"]
[evaluation]
resamples = 100
"""


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out)


def call(*arguments: object) -> Said:
    out, err, before = StringIO(), StringIO(), sys.argv
    sys.argv = ["overread", *map(str, arguments)]
    code: int | str | None = 0
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as left:
        code = left.code
    finally:
        sys.argv = before
    return Said(int(code or 0), out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def command() -> Callable[..., Said]:
    return call


@dataclass(frozen=True)
class Finished:
    """A study that was run."""

    folder: Path
    study: Path
    said: dict[str, Any]

    @property
    def bundle(self) -> Path:
        return Path(self.said["bundle"])


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, exports: Path) -> Finished:
    folder = tmp_path_factory.mktemp("study")
    generate_skin(folder / "phantoms", patients=40, seed=3)
    study = folder / "study.toml"
    study.write_text(STUDY)
    from tests.exports import exported_once

    with exported_once(exports):
        said = call("run", study, "-o", folder / "run", "--workers", 1, "--json")
    assert said.code == 0, said.err
    return Finished(folder, study, said.json)
