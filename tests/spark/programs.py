"""Whole programs on Spark that tests kill, and Pythons that do not fit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

ROOT = Path(__file__).parents[2]

# A whole program, since it is killed: its Java machine and workers must end with it.
PROGRAM = """
import signal, sys
from pathlib import Path
from overread.engine import open_engine
from tests.engine.stages import Double
from tests.spark.conftest import SMALL
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = Path(sys.argv[1])
    with open_engine("spark", master="local[2]", conf=SMALL) as engine:
        stage = Double(folder / "trace", pause_s=float(sys.argv[2]))
        engine.run(stage, folder / "numbers.parquet", folder / "out", key="k", rows_per_part=7)
"""


def start_program(folder: Path, *, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
    (folder / "trace").mkdir()
    (folder / "program.py").write_text(PROGRAM)
    return subprocess.Popen(
        [sys.executable, str(folder / "program.py"), str(folder), "0.15"],
        env={**(environment or os.environ), "PYTHONPATH": str(ROOT)},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def session_of(pid: int) -> Iterator[int]:
    """The living processes of a login session."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(session) == pid and state != "Z":
            yield int(folder.name)


def without_java(folder: Path) -> dict[str, str]:
    """An environment in which nothing but pip has brought a Java."""
    folder.mkdir()
    for name in ("bash", "sh", "env", "dirname", "basename", "ps", "cat", "id", "uname"):
        found = shutil.which(name)
        if found:
            (folder / name).symlink_to(found)
    hidden = ("JAVA_HOME", "PATH", "XDG_CACHE_HOME")
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    return {**kept, "PATH": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}


def executor_of(worker: int) -> int:
    """The Java machine in which a Python worker's task runs."""
    pid = worker
    while b"java" not in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return pid


def python_of(folder: Path, *, said: str) -> str:
    """A Python with the packages of this one but Overread, and what `said` does to it."""
    folder.mkdir()
    start = "import runpy, sys\nsys.argv = sys.argv[2:]\nrunpy.run_module(sys.argv[0], run_name='__main__')\n"
    (folder / "start.py").write_text(said + start)
    (folder / "tests" / "engine").mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "engine" / "stages.py", folder / "tests" / "engine")
    packages = Path(pa.__file__).parents[1]
    program = folder / "python"
    # -S: an installation for development would be found through the packages' .pth files.
    started = f'{sys.executable} -S {folder}/start.py "$@"'
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{folder}:{packages}:$PYTHONPATH" exec {started}\n')
    program.chmod(0o755)
    return str(program)


OTHER_ONNXRUNTIME = """
import importlib.metadata as metadata
real = metadata.version
metadata.version = lambda name: "0.1" if name == "onnxruntime" else real(name)
"""
OTHER_PYTHON = """
import sys
version = type("Version", (tuple,), {"major": 3, "minor": 99, "micro": 0})
sys.version_info = version((3, 99, 0, "final", 0))
"""
NO_PYARROW = """
import sys
class Lacks:
    def find_spec(self, name, path=None, target=None):
        if name == "pyarrow":
            raise ModuleNotFoundError("No module named 'pyarrow'", name=name)
sys.meta_path.insert(0, Lacks())
"""
