from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from overread.engine import LocalEngine, list_parts
from overread.errors import CohortError, EngineError, UsageError
from tests.engine.stages import (
    Double,
    Drops,
    Environment,
    KillsItself,
    Opener,
    OtherSchema,
    Raises,
    Shuffles,
    StopsEarly,
    cohort_error,
)

ROOT = Path(__file__).parents[2]


def write_numbers(path: Path, count: int, *, start: int = 0, group: int = 10) -> Path:
    numbers = range(start, start + count)
    ids = [f"image {number}" for number in numbers]
    pq.write_table(pa.table({"image_id": ids, "number": list(numbers)}), path, row_group_size=group)
    return path


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def calls(trace: Path) -> int:
    return sum(len(path.read_text().splitlines()) for path in trace.iterdir())


class Steps:
    """Counts what progress was told."""

    def __init__(self) -> None:
        self.total: int | None = None
        self.done = 0

    @contextmanager
    def task(self, label: str, total: int | None = None) -> Iterator[Steps]:
        self.total = total
        yield self

    def advance(self, steps: int = 1) -> None:
        self.done += steps

    def note(self, message: str) -> None:
        pass


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    return write_numbers(tmp_path / "numbers.parquet", 100)


def test_rows_come_out_in_order_with_rejects_in_place(tmp_path: Path, numbers: Path) -> None:
    out = LocalEngine(1).run(Double(), numbers, tmp_path / "out", key="k", rows_per_part=30)
    parts = list_parts(out)
    assert [path.name for path in parts] == [f"part-{n:05d}.parquet" for n in range(4)]
    assert [pq.read_metadata(path).num_rows for path in parts] == [30, 30, 30, 10]
    table = pa.concat_tables(pq.read_table(path) for path in parts)
    assert table["image_id"].to_pylist() == [f"image {n}" for n in range(100)]
    assert table["double"].to_pylist() == [None if n % 7 == 0 else 2 * n for n in range(100)]
    assert table["reject_reason"].to_pylist() == ["damaged" if n % 7 == 0 else None for n in range(100)]


def test_bytes_do_not_depend_on_the_number_of_workers(tmp_path: Path, numbers: Path) -> None:
    outs = [
        LocalEngine(workers).run(Double(), numbers, tmp_path / f"out{workers}", key="k", rows_per_part=17)
        for workers in (1, 2, 3)
    ]
    assert digests(outs[0]) == digests(outs[1]) == digests(outs[2])
    assert len(list_parts(outs[0])) == 6


def test_run_file_says_what_was_run(tmp_path: Path, numbers: Path) -> None:
    out = LocalEngine(1).run(Double(), numbers, tmp_path / "out", key="the key", rows_per_part=30)
    record = json.loads((out / "run.json").read_text())
    assert record.pop("source")
    assert record == {"key": "the key", "rows_per_part": 30, "parts": 4, "rows": 100, "complete": True}


def test_sources_may_be_folders_and_several_files(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    write_numbers(folder / "part-00000.parquet", 40)
    write_numbers(folder / "part-00001.parquet", 40, start=40)
    (folder / "run.json").write_text("{}")
    more = write_numbers(tmp_path / "more.parquet", 20, start=80)
    out = LocalEngine(1).run(Double(), [folder, more], tmp_path / "out", key="k", rows_per_part=33)
    table = pa.concat_tables(pq.read_table(path) for path in list_parts(out))
    assert table["image_id"].to_pylist() == [f"image {n}" for n in range(100)]


def test_an_empty_source_makes_one_empty_part(tmp_path: Path) -> None:
    source = write_numbers(tmp_path / "none.parquet", 0)
    out = LocalEngine(2).run(Double(), source, tmp_path / "out", key="k")
    (part,) = list_parts(out)
    assert pq.read_table(part).num_rows == 0
    assert pq.read_schema(part).equals(Double.schema)


def test_a_finished_run_computes_nothing_again(tmp_path: Path, numbers: Path) -> None:
    trace = tmp_path / "trace"
    trace.mkdir()
    LocalEngine(1).run(Double(trace), numbers, tmp_path / "out", key="k", rows_per_part=20)
    LocalEngine(2).run(Double(trace), numbers, tmp_path / "out", key="k", rows_per_part=20)
    assert calls(trace) == 10


def test_only_missing_parts_are_computed(tmp_path: Path, numbers: Path) -> None:
    trace = tmp_path / "trace"
    trace.mkdir()
    out = LocalEngine(1).run(Double(), numbers, tmp_path / "out", key="k", rows_per_part=20)
    before = digests(out)
    (out / "part-00001.parquet").unlink()
    (out / "part-00003.parquet").write_bytes((out / "part-00003.parquet").read_bytes()[:-20])
    steps = Steps()
    LocalEngine(1).run(Double(trace), numbers, out, key="k", rows_per_part=20, progress=steps)
    assert sorted(path.name for path in trace.iterdir()) == ["000020", "000030", "000060", "000070"]
    assert digests(out) == before
    assert (steps.total, steps.done) == (100, 100)


def test_another_key_removes_old_parts_first(tmp_path: Path, numbers: Path) -> None:
    trace = tmp_path / "trace"
    trace.mkdir()
    out = LocalEngine(1).run(Double(), numbers, tmp_path / "out", key="old", rows_per_part=10)
    LocalEngine(1).run(Double(trace), numbers, out, key="new", rows_per_part=50)
    assert [path.name for path in list_parts(out)] == ["part-00000.parquet", "part-00001.parquet"]
    assert calls(trace) == 10


def test_a_changed_source_is_noticed(tmp_path: Path, numbers: Path) -> None:
    out = LocalEngine(1).run(Double(), numbers, tmp_path / "out", key="k")
    write_numbers(numbers, 100, start=1)
    LocalEngine(1).run(Double(), numbers, out, key="k")
    assert pq.read_table(list_parts(out)[0])["image_id"][0].as_py() == "image 1"


def test_progress_reaches_the_total(tmp_path: Path, numbers: Path) -> None:
    steps = Steps()
    LocalEngine(2).run(Double(), numbers, tmp_path / "out", key="k", rows_per_part=30, progress=steps)
    assert (steps.total, steps.done) == (100, 100)


def test_workers_have_one_thread_and_open_the_stage_once(
    tmp_path: Path, numbers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    before = dict(os.environ)
    out = LocalEngine(2).run(Environment(), numbers, tmp_path / "environment", key="k", rows_per_part=10)
    table = pa.concat_tables(pq.read_table(path) for path in list_parts(out))
    assert set(table["omp"].to_pylist()) == {"1"}
    assert set(table["arrow"].to_pylist()) == {1}
    assert os.getpid() not in table["pid"].to_pylist()
    assert dict(os.environ) == before

    trace = tmp_path / "trace"
    trace.mkdir()
    LocalEngine(2).run(Opener(trace), numbers, tmp_path / "out", key="k", rows_per_part=10)
    assert {path.read_text() for path in trace.iterdir()} == {"x"}


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (Drops(), r"stage Drops, rows \d+ to \d+: took 30 rows but yielded 27"),
        (StopsEarly(), r"stage StopsEarly, rows \d+ to \d+: took 30 rows but yielded 10"),
        (Shuffles(), r"stage Shuffles, rows \d+ to \d+: yielded its rows in another order"),
        (OtherSchema(), r"stage OtherSchema, .*promised \(image_id: string.* but yielded \(image_id"),
        (Raises(ValueError("no cat")), r"stage Raises, rows \d+ to \d+: failed with ValueError: no cat"),
    ],
)
def test_a_stage_that_breaks_the_rule_is_named(
    tmp_path: Path, numbers: Path, stage: Double, said: str
) -> None:
    with pytest.raises(EngineError, match=said):
        LocalEngine(1).run(stage, numbers, tmp_path / "out", key="k", rows_per_part=30)
    assert not list_parts(tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.tmp"))


def test_a_failure_in_a_worker_process_keeps_its_sentence_and_traceback(
    tmp_path: Path, numbers: Path
) -> None:
    said = r"stage Raises, rows \d+ to \d+: failed with ValueError: no cat"
    with pytest.raises(EngineError, match=said) as caught:
        LocalEngine(2).run(Raises(ValueError("no cat")), numbers, tmp_path / "out", key="k", rows_per_part=30)
    assert "tests/engine/stages.py" in str(caught.value.__cause__)
    assert not list((tmp_path / "out").glob("*.tmp"))


@pytest.mark.parametrize("workers", [1, 2])
def test_errors_that_users_can_mend_pass_through(tmp_path: Path, numbers: Path, workers: int) -> None:
    with pytest.raises(CohortError) as caught:
        LocalEngine(workers).run(Raises(cohort_error()), numbers, tmp_path / "out", key="k", rows_per_part=30)
    assert str(caught.value) == str(cohort_error())


def test_a_killed_worker_is_one_sentence_and_the_next_run_goes_on(tmp_path: Path, numbers: Path) -> None:
    stage, out = KillsItself(tmp_path / "killed"), tmp_path / "out"
    said = r"a worker process ended \(signal 9\) while at work on rows 50 to 59.*again"
    with pytest.raises(EngineError, match=said):
        LocalEngine(2).run(stage, numbers, out, key="k", rows_per_part=10)
    LocalEngine(2).run(stage, numbers, out, key="k", rows_per_part=10)
    whole = LocalEngine(1).run(Double(), numbers, tmp_path / "whole", key="k", rows_per_part=10)
    assert digests(out) == digests(whole)


def test_a_stage_that_cannot_be_pickled_is_named(tmp_path: Path, numbers: Path) -> None:
    class Local(Double):
        pass

    with pytest.raises(EngineError, match="stage Local: cannot be sent to a worker process"):
        LocalEngine(2).run(Local(), numbers, tmp_path / "out", key="k", rows_per_part=30)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda tmp: tmp / "absent.parquet", "there is no such file"),
        (lambda tmp: tmp, "holds no part-"),
        (lambda _: [], "got no file"),
        (lambda tmp: _text(tmp / "text.parquet"), "could not be read as Parquet"),
        (lambda tmp: [tmp / "numbers.parquet", _other(tmp / "other.parquet")], "columns differ"),
    ],
)
def test_sources_that_do_not_fit_are_one_sentence(
    tmp_path: Path, numbers: Path, make: Callable[[Path], Path], said: str
) -> None:
    with pytest.raises(EngineError, match=said):
        LocalEngine(1).run(Double(), make(tmp_path), tmp_path / "out", key="k")


def _text(path: Path) -> Path:
    path.write_text("not parquet at all")
    return path


def _other(path: Path) -> Path:
    pq.write_table(pa.table({"other": [1]}), path)
    return path


def test_a_missing_column_is_named(tmp_path: Path, numbers: Path) -> None:
    with pytest.raises(EngineError, match="has no column 'content'; it has image_id, number"):
        LocalEngine(1).run(Double(), numbers, tmp_path / "out", key="k", columns=["image_id", "content"])


def test_the_source_and_foreign_parts_are_never_removed(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    part = write_numbers(source / "part-00000.parquet", 5)
    with pytest.raises(EngineError, match="is where the source lies"):
        LocalEngine(1).run(Double(), source, source, key="k")
    other = write_numbers(tmp_path / "other.parquet", 5)
    with pytest.raises(EngineError, match="Overread did not write"):
        LocalEngine(1).run(Double(), other, source, key="k")
    assert part.exists()


def test_a_full_disk_is_one_sentence_and_nothing_half_written_counts(
    tmp_path: Path, numbers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, left = os.fsync, [2]

    def fsync(descriptor: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        real(descriptor)

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(
            EngineError, match=r"No space left on device; free space and run the same command again"
        ):
            LocalEngine(1).run(Double(), numbers, out, key="k", rows_per_part=10)
    assert not list(out.glob("*.tmp"))
    LocalEngine(1).run(Double(), numbers, out, key="k", rows_per_part=10)
    whole = LocalEngine(1).run(Double(), numbers, tmp_path / "whole", key="k", rows_per_part=10)
    assert digests(out) == digests(whole)


@pytest.mark.parametrize("settings", [{"workers": 0}, {"workers": -1}])
def test_no_worker_is_wrong_usage(settings: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="at least 1 worker"):
        LocalEngine(**settings)


# A shell starts what runs in its background deaf to ctrl-C, and children inherit that.
SLOW_RUN = """
import signal
import sys
from pathlib import Path
from overread.engine import LocalEngine
from tests.engine.stages import Double
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = Path(sys.argv[1])
    LocalEngine(int(sys.argv[2])).run(
        Double(folder / "trace", pause_s=0.1),
        folder / "numbers.parquet",
        folder / "out",
        key="k",
        rows_per_part=int(sys.argv[3]),
    )
"""


def start_slow_run(folder: Path, workers: int, *, rows_per_part: int = 10) -> subprocess.Popen[str]:
    (folder / "trace").mkdir(exist_ok=True)
    script = folder / "slow.py"
    script.write_text(SLOW_RUN)
    return subprocess.Popen(
        [sys.executable, str(script), str(folder), str(workers), str(rows_per_part)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_until(true: Callable[[], bool], *, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(("workers", "ends"), [(1, signal.SIGKILL), (2, signal.SIGKILL), (2, signal.SIGINT)])
def test_an_interrupted_run_started_again_gives_the_same_bytes_and_leaves_no_orphan(
    tmp_path: Path, numbers: Path, workers: int, ends: signal.Signals
) -> None:
    process = start_slow_run(tmp_path, workers)
    wait_until(lambda: len(list_parts(tmp_path / "out")) >= 2)
    if ends is signal.SIGINT:
        os.killpg(process.pid, ends)  # as a terminal's ctrl-C: parent and workers get it
    else:
        process.send_signal(ends)
    _, said = process.communicate(timeout=120)
    finished = {path.name: path.stat().st_mtime_ns for path in list_parts(tmp_path / "out")}
    assert len(finished) < 10
    pids = {int(pid) for path in (tmp_path / "trace").iterdir() for pid in path.read_text().split()}
    wait_until(lambda: not any(map(alive, pids)))
    if ends is signal.SIGINT:
        assert said.count("Traceback") == 1  # the parent's own; the workers stay silent

    assert start_slow_run(tmp_path, workers).wait(120) == 0
    whole = LocalEngine(1).run(Double(), numbers, tmp_path / "whole", key="k", rows_per_part=10)
    assert digests(tmp_path / "out") == digests(whole)
    kept = {
        path.name: path.stat().st_mtime_ns for path in list_parts(tmp_path / "out") if path.name in finished
    }
    assert kept == finished


def test_workers_end_with_a_killed_parent_in_the_middle_of_a_slice(tmp_path: Path) -> None:
    write_numbers(tmp_path / "numbers.parquet", 200, group=1)
    process = start_slow_run(tmp_path, 2, rows_per_part=100)
    wait_until(lambda: calls(tmp_path / "trace") >= 4)
    process.kill()
    process.communicate()
    pids = {int(pid) for path in (tmp_path / "trace").iterdir() for pid in path.read_text().split()}
    wait_until(lambda: not any(map(alive, pids)))
    assert calls(tmp_path / "trace") < 100
    assert not list_parts(tmp_path / "out")


def test_workers_leave_ctrl_c_to_their_parent(tmp_path: Path, numbers: Path) -> None:
    process = start_slow_run(tmp_path, 2)
    wait_until(lambda: calls(tmp_path / "trace") >= 2)
    for pid in {int(pid) for path in (tmp_path / "trace").iterdir() for pid in path.read_text().split()}:
        os.kill(pid, signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert (process.returncode, said) == (0, "")


def test_a_script_without_main_guard_is_told_so(tmp_path: Path, numbers: Path) -> None:
    (tmp_path / "trace").mkdir()
    script = tmp_path / "unguarded.py"
    script.write_text(SLOW_RUN.replace('if __name__ == "__main__":', "if True:"))
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), "2", "10"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "start its work under `if __name__ == '__main__':`" in done.stderr
