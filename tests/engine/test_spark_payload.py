"""What travels to a worker, and what a worker refuses."""

from __future__ import annotations

import os
import pickle
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from overread.engine.spark.complaints import complaint
from overread.engine.spark.payload import Payload
from overread.engine.spark.slice_task import said_of
from overread.engine.spark.workers import addresses, check_versions, knock, versions
from overread.errors import BundleError, CohortError, DecodeError, EngineError, OverreadError
from tests.engine.stages import Double, ReadsFile, cohort_error


def made(tmp_path: Path) -> ReadsFile:
    (tmp_path / "model.txt").write_text("twice")
    return ReadsFile(tmp_path / "model.txt")


def test_files_are_unpacked_once_a_machine_in_sparks_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = tmp_path / "local"
    local.mkdir()
    monkeypatch.setenv("SPARK_LOCAL_DIRS", f"{local},/elsewhere")
    payload: Payload = pickle.loads(pickle.dumps(Payload.of(made(tmp_path))))
    (tmp_path / "model.txt").unlink()
    opened = payload.opened()
    assert isinstance(opened, ReadsFile)
    assert opened.file.read_text() == "twice"
    assert payload.opened() is opened
    monkeypatch.setattr("overread.engine.spark.payload._OPENED", {})
    written = opened.file.stat().st_mtime_ns

    class NeverRead:
        @property
        def value(self) -> tuple[tuple[str, bytes], ...]:
            raise AssertionError("the files lie there already")

    again = replace(payload, files=()).opened(NeverRead())
    assert isinstance(again, ReadsFile)
    assert again.file == opened.file
    assert again.file.stat().st_mtime_ns == written
    assert len([path for path in local.iterdir() if path.is_dir()]) == 1


def test_a_folder_travels_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARK_LOCAL_DIRS", str(tmp_path / "local"))
    (tmp_path / "local").mkdir()
    bundle = tmp_path / "bundle"
    (bundle / "selftest").mkdir(parents=True)
    (bundle / "a.onnx").write_bytes(b"\0a")
    (bundle / "selftest" / "b.png").write_bytes(b"b")
    opened = Payload.of(ReadsFile(bundle)).opened()
    assert isinstance(opened, ReadsFile)
    assert opened.file.name == "bundle"
    assert (opened.file / "a.onnx").read_bytes() == b"\0a"
    assert (opened.file / "selftest" / "b.png").read_bytes() == b"b"


def test_the_digest_tells_contents_apart_and_local_workers_read_where_the_files_are(tmp_path: Path) -> None:
    stage = made(tmp_path)
    first = Payload.of(stage)
    (tmp_path / "model.txt").write_text("thrice")
    assert Payload.of(stage).digest != first.digest
    near = Payload.of(stage, with_files=False)
    assert near.names == near.files == ()
    opened = near.opened()
    assert isinstance(opened, ReadsFile)
    assert opened.file == tmp_path / "model.txt"


def test_stages_that_no_worker_could_open_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Local(Double):
        pass

    with pytest.raises(EngineError, match="stage Local: cannot be sent to a worker"):
        Payload.of(Local())
    monkeypatch.setattr(Double, "__module__", "__main__")
    with pytest.raises(EngineError, match="stage Double: is defined in the program itself"):
        Payload.of(Double())


def test_a_worker_with_other_versions_is_refused() -> None:
    here = versions()
    assert here["overread"]
    assert here["onnxruntime"] != "none"
    check_versions(here, dict(here), host="a")
    with pytest.raises(EngineError, match=r"worker b: has pillow 1.0 \(here .*install the same versions"):
        check_versions(here, {**here, "pillow": "1.0"}, host="b")
    payload = replace(Payload.of(Double(pause_s=0.5)), versions={**here, "pyarrow": "1.0"})
    with pytest.raises(EngineError, match=rf"has pyarrow {here['pyarrow']} \(here 1\.0\)"):
        payload.opened()


def test_errors_come_back_as_they_were() -> None:
    def told(text: str) -> OverreadError:
        return OverreadError.from_json(text, otherwise=EngineError)

    back = told(said_of(cohort_error(), where="rows 0 to 9"))
    assert type(back) is CohortError
    assert str(back) == str(cohort_error())
    assert type(told(said_of(BundleError("x"), where="rows"))) is BundleError
    assert type(told(DecodeError("empty", "x").as_json())) is EngineError
    assert type(told('["_rebuild", "x", null, null]')) is EngineError
    unexpected = told(said_of(ValueError("no\ncat"), where="rows 0 to 9"))
    assert str(unexpected) == "rows 0 to 9: failed with ValueError: no"


@pytest.mark.parametrize(
    ("master", "found"),
    [
        ("spark://a:1,b:2", [("a", 1), ("b", 2)]),
        ("spark://a", [("a", 7077)]),
        ("k8s://c:6443", [("c", 6443)]),
        ("k8s://http://c", [("c", 80)]),
        ("yarn", []),
    ],
)
def test_masters_have_addresses(master: str, found: list[tuple[str, int]]) -> None:
    assert addresses(master) == found


def test_a_master_that_does_not_answer_is_one_sentence_at_once() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        knock(f"spark://127.0.0.1:1,127.0.0.1:{port}")
    with pytest.raises(EngineError, match=rf"nobody answers there \(127\.0\.0\.1:{port}: Connection refused"):
        knock(f"spark://127.0.0.1:{port}")
    with pytest.raises(EngineError, match="expected HOST:PORT"):
        knock("spark://127.0.0.1:port")


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("[PYTHON_VERSION_MISMATCH] Python in worker has different version: 3.9", "Python is another than"),
        ("x\nModuleNotFoundError: No module named 'onnxruntime'", "lacks the package onnxruntime"),
        ('java.io.IOException: Cannot run program "/opt/python": error=2', "no program /opt/python"),
        ("java.lang.OutOfMemoryError: Java heap space", 'ran out of memory; set "spark.driver.memory"'),
        ("Python worker exited unexpectedly (crashed)", "a worker process ended again and again"),
        ("ExecutorLostFailure (executor 1 exited caused by one of the running tasks)", "lost the machines"),
        ("Master removed our application: FAILED", "the cluster ended the application"),
        ("Answer from Java side is empty", "the Java machine of Spark ended"),
    ],
)
def test_failures_of_spark_are_one_sentence(said: str, sentence: str) -> None:
    error = complaint(RuntimeError(f"An error occurred\n: org.apache.SparkException: {said}"), master="m")
    assert sentence in str(error)
    assert "\n" not in str(error)
    assert str(error).startswith("master m: ")


def test_what_is_not_known_is_told_by_its_cause() -> None:
    text = "An error occurred\n: org.apache.A: outer\n\tat x.y\nCaused by: java.B: inner\n\tat z"
    assert "Spark gave up (java.B: inner); run the same" in str(complaint(RuntimeError(text), master="m"))
    gone = RuntimeError("[JAVA_GATEWAY_EXITED] Java gateway process exited")
    gone.add_note("Error: Could not create the Java Virtual Machine.\n")
    assert "Spark did not start (Error: Could not create" in str(complaint(gone, master="m", starting=True))


def test_a_worker_without_sparks_folder_uses_the_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SPARK_LOCAL_DIRS", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    opened = Payload.of(made(tmp_path)).opened()
    assert isinstance(opened, ReadsFile)
    assert os.path.commonpath([opened.file, tmp_path / "tmp"]) == str(tmp_path / "tmp")
