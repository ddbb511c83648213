"""What wheel and sdist carry, without packing them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import WEB

ROOT = WEB.parent
pytest.importorskip("hatchling")
# In a process of its own: the builder reads .gitignore, and may leave modules behind.
_LIST = """
import json, sys
from hatchling.builders.{kind} import {builder}
builder = {builder}(sys.argv[1])
print(json.dumps([one.distribution_path for one in builder.recurse_included_files()]))
"""


def _carried(kind: str) -> set[str]:
    code = _LIST.format(kind=kind, builder=f"{kind.capitalize()}Builder")
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(json.loads(done.stdout))


def test_a_wheel_carries_the_built_pages_and_no_sources_of_them(builder: ModuleType) -> None:
    if not builder.APP.is_dir():
        pytest.skip("the pages are not built: make web")
    carried = _carried("wheel")
    built = {f"overread/edge/app/{p.relative_to(builder.APP).as_posix()}" for p in _files(builder.APP)}
    assert "overread/edge/app/index.html" in built
    assert built <= carried
    assert {path for path in carried if not path.startswith("overread/")} == set()
    assert not [path for path in carried if path.endswith((".ts", ".tsx"))]


def test_a_sdist_carries_what_the_pages_are_built_of_so_that_its_wheel_needs_no_node(
    builder: ModuleType,
) -> None:
    carried = _carried("sdist")
    sources = {f"web/{path.relative_to(WEB).as_posix()}" for path in builder._sources(WEB)}
    assert sources <= carried
    assert {"hatch_build.py", "web/.npmrc", "constraints.txt", "Makefile"} <= carried
    assert not [path for path in carried if "node_modules" in path]


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
