from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from overread.cohort import Cohort, IngestSettings, ingest
from overread.engine import LocalEngine, list_parts
from tests.cohort.pictures import picture, write_class_folders

ROOT = Path(__file__).parents[2]

KILLED_EVERYWHERE = """
import os, signal, sys
from pathlib import Path
import pyarrow as pa
from PIL import Image
from overread.cohort import IngestSettings, ingest
from overread.engine import LocalEngine

def killed_before_step(number, source, out):
    done = 0
    def counting(function):
        def counted(*args, **more):
            nonlocal done
            if done == number:
                os.kill(os.getpid(), signal.SIGKILL)
            done += 1
            return function(*args, **more)
        return counted
    os.fsync = counting(os.fsync)
    os.mkdir = counting(os.mkdir)
    os.rmdir = counting(os.rmdir)
    os.unlink = counting(os.unlink)
    os.replace = counting(os.replace)
    ingest(source, out, settings=PLAIN, engine=LocalEngine(1))

PLAIN = IngestSettings(near_duplicates=False)  # the search touches no file, and would be made 200 times
os.fsync = lambda descriptor: None  # a killed process loses no written page; a power cut is not tried here
pa.array([1]), Image.init()  # imports pandas where it is installed: once here, not in every child
source, place = Path(sys.argv[1]), Path(sys.argv[2])
for number in range(1000):
    pid = os.fork()
    if pid == 0:
        killed_before_step(number, source, place / "fresh")
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    pid = os.fork()
    if pid == 0:
        ingest(source, place / "fresh", settings=PLAIN, engine=LocalEngine(1))
        os._exit(0)
    _, again = os.waitpid(pid, 0)
    assert again == 0, (number, again)
    os.rename(place / "fresh", place / f"killed at {number}")
    if os.WIFEXITED(status):
        assert status == 0, (number, status)
        break
"""

SLOW = """
import sys, time
from pathlib import Path
from overread.cohort import IngestSettings, ingest, read_stage
from overread.engine import LocalEngine

decode = read_stage.decode
def slowly(*args, **more):
    time.sleep(0.02)
    return decode(*args, **more)
read_stage.decode = slowly  # workers import this script, and so are slow too

if __name__ == "__main__":
    ingest(Path(sys.argv[1]), Path(sys.argv[2]), settings=IngestSettings(), engine=LocalEngine(2))
"""


def run(script: str, *args: Path, folder: Path) -> subprocess.Popen[str]:
    path = folder / "script.py"
    path.write_text(script)
    return subprocess.Popen(
        [sys.executable, str(path), *map(str, args)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )


def tree(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_killed_before_any_step_the_same_command_gives_the_same_cohort(tmp_path: Path) -> None:
    source = write_class_folders(tmp_path / "skin", {"benign": 6, "malignant": 5})
    (source / "benign" / "text.jpg").write_text("no image")
    plain = IngestSettings(near_duplicates=False)
    ingest(source, tmp_path / "whole", settings=plain, engine=LocalEngine(1))
    (tmp_path / "many").mkdir()
    process = run(KILLED_EVERYWHERE, source, tmp_path / "many", folder=tmp_path)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    cohorts = sorted((tmp_path / "many").iterdir())
    assert len(cohorts) > 25
    whole = tree(tmp_path / "whole")
    assert [path.name for path in cohorts if tree(path) != whole] == []


def test_killed_while_reading_the_same_command_goes_on_and_gives_the_same_cohort(tmp_path: Path) -> None:
    source = write_class_folders(tmp_path / "skin", {"benign": 100, "malignant": 100})
    out = tmp_path / "out"
    process = run(SLOW, source, out, folder=tmp_path)
    read = out / ".work" / "read"
    end = time.monotonic() + 120
    while not list_parts(read):
        assert time.monotonic() < end
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = {path.name: path.stat().st_mtime_ns for path in list_parts(read)}
    assert 0 < len(kept) < 4
    assert not (out / "cohort.json").exists()

    ingest(source, out, settings=IngestSettings(), engine=LocalEngine(1))
    ingest(source, tmp_path / "whole", settings=IngestSettings(), engine=LocalEngine(1))
    assert tree(out) == tree(tmp_path / "whole")


def test_a_source_that_changes_between_is_read_again(tmp_path: Path) -> None:
    source = write_class_folders(tmp_path / "skin", {"benign": 9, "malignant": 9})
    out = tmp_path / "out"
    ingest(source, out, settings=IngestSettings(), engine=LocalEngine(1))
    old = Cohort.load(out).card.content_hash
    (source / "benign" / "000.jpg").write_bytes(picture(999))
    assert ingest(source, out, settings=IngestSettings(), engine=LocalEngine(1)).card.content_hash != old
