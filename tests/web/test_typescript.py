"""The TypeScript beside the Python: its types, and its own tests."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.conftest import WEB


def _run(node: Path, script: str, *arguments: str) -> str:
    path = os.pathsep.join([str(node.parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "NO_COLOR": "1", "CI": "1"}
    command = [str(node), str(WEB / "node_modules" / script), *arguments]
    done = subprocess.run(command, cwd=WEB, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_types_fit(node: Path) -> None:
    _run(node, "typescript/bin/tsc", "--noEmit")


def test_the_units_do_what_they_should(node: Path) -> None:
    assert "passed" in _run(node, "vitest/vitest.mjs", "run", "--reporter=dot")
