"""The reader's TypeScript answers as Python does: the same decisions, metadata, refusals and pixels."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.edge.vectors import write_vectors

WEB = Path(__file__).parents[2] / "web"
VITEST = WEB / "node_modules" / "vitest" / "vitest.mjs"


def test_typescript_gives_what_python_gives(node: Path, tmp_path: Path) -> None:
    write_vectors(tmp_path)
    path = os.pathsep.join((str(node.parent), os.environ.get("PATH", "")))
    done = subprocess.run(
        [node, VITEST, "run", "tests/reader/parity", "--reporter=dot", "--no-color"],
        cwd=WEB,
        env={**os.environ, "OVERREAD_VECTORS": str(tmp_path), "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout, done.stdout
