"""The reader's TypeScript answers as Python does: the same decisions, metadata, refusals and pixels."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from tests.edge.vectors import write_vectors

WEB = Path(__file__).parents[2] / "web"
VITEST = WEB / "node_modules" / "vitest" / "vitest.mjs"


def web_build() -> ModuleType:
    """web/build.py, which is no package's module."""
    spec = importlib.util.spec_from_file_location("overread_web_build", WEB / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def node() -> Path:
    build = web_build()
    try:
        found: Path = build.find_node()
    except build.BuildError as error:
        pytest.skip(str(error))
    if not build.has_packages():
        pytest.skip("web/node_modules is not what package-lock.json names; run `make web`")
    return found


def test_typescript_gives_what_python_gives(tmp_path: Path) -> None:
    program = node()
    write_vectors(tmp_path)
    path = os.pathsep.join((str(program.parent), os.environ.get("PATH", "")))
    done = subprocess.run(
        [program, VITEST, "run", "tests/reader/parity", "--reporter=dot", "--no-color"],
        cwd=WEB,
        env={**os.environ, "OVERREAD_VECTORS": str(tmp_path), "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout, done.stdout
