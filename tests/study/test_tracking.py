"""Runs in MLflow: one study and one database for all tests of this file."""

from __future__ import annotations

import json
import socket
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from overread.bundle import Bundle
from overread.errors import TrackingError
from overread.evaluation import Evaluation
from overread.progress import SILENT
from overread.study import RunResult, load_study, run_study
from overread.study.run import STATE
from overread.study.tracking import DATABASE, KEY, track, tracked_runs, without_password
from tests.study.test_run import write_study
from tests.training.made import write_images

# Looked for, not loaded: Overread itself must load it first, and keep it from reporting its use.
pytestmark = [
    pytest.mark.usefixtures("exported_networks"),
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("mlflow") is None, reason="mlflow is not installed: pip install 'overread[track]'"
    ),
]


@pytest.fixture(scope="module")
def asked() -> list[Any]:
    """Every address that anything connects to while the run is tracked."""
    return []


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory, asked: list[Any]) -> tuple[Path, RunResult]:
    folder = tmp_path_factory.mktemp("secret-hospital")
    write_images(folder / "source", {"benign": 24, "malignant": 24})
    study = write_study(
        folder,
        study='seed = 7\n[tracking]\nuri = "sqlite"\nexperiment = "moles"',
    )
    connect = socket.socket.connect

    def told(self: socket.socket, address: Any) -> None:
        asked.append(address)
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", told)
        result = run_study(load_study(study), folder / "runs" / "small")
    return folder, result


def client(folder: Path) -> Any:
    import mlflow

    return mlflow.MlflowClient(tracking_uri=f"sqlite:///{folder / 'runs' / DATABASE}")


def only_run(folder: Path) -> Any:
    found = client(folder)
    number = found.get_experiment_by_name("moles").experiment_id
    (run,) = found.search_runs([number])
    return run


def test_a_run_is_written_down_with_settings_figures_and_tags(tracked: tuple[Path, RunResult]) -> None:
    folder, result = tracked
    run = only_run(folder)
    assert result.tracking is not None
    assert result.tracking["run_id"] == run.info.run_id
    assert (run.info.run_name, run.info.status) == ("small", "FINISHED")
    assert run.data.params["reader.backbone"] == "test_efficientnet"
    assert run.data.params["study.seed"] == "7"
    assert run.data.params["reader.fine_tune.epochs"] == "auto"
    for name in ("roc_auc", "brier"):
        for suffix, part in (("", "value"), (".low", "low"), (".high", "high")):
            assert run.data.metrics.get(name + suffix) == result.figures[name][part], name
    assert {"brier", "brier.low", "brier.high"} <= set(run.data.metrics)
    evaluation = Evaluation.load(result.evaluation)
    assert run.data.tags["overread.cohort_hash"] == evaluation.cohort_hash
    assert run.data.tags["overread.bundle"] == "small@1"
    steps = client(folder).get_metric_history(run.info.run_id, "head/tune_auc")
    assert [(one.step, one.value) for one in steps] == [
        (row.epoch, row.tune_auc) for row in evaluation.history if row.phase == "head"
    ]


def test_the_registered_model_is_a_folder_that_bundle_loads(
    tracked: tuple[Path, RunResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    folder, result = tracked
    assert result.tracking is not None
    assert result.tracking["model"] == "small/1"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'runs' / DATABASE}")
    fetched = mlflow.artifacts.download_artifacts("models:/small/1", dst_path=str(tmp_path))
    bundle = Bundle.load(Path(fetched))
    assert bundle.label == "small@1"
    for path in result.bundle.rglob("*"):
        if path.is_file():
            assert (Path(fetched) / path.relative_to(result.bundle)).read_bytes() == path.read_bytes()
    assert [path for path in tmp_path.rglob("*") if path.suffix in (".pkl", ".pickle")] == []


def test_report_and_settings_are_there_and_readings_and_places_are_not(
    tracked: tuple[Path, RunResult],
) -> None:
    folder, _ = tracked
    kept = folder / "runs" / "mlflow-artifacts"
    files = {path.name: path for path in kept.rglob("*") if path.is_file()}
    assert {"report.html", "evaluation.json", "study.json", "bundle.json", "MODEL_CARD.md"} <= set(files)
    assert [name for name in files if name.startswith("readings") or name.endswith(".parquet")] == []
    assert json.loads(files["study.json"].read_text())["cohort.source"] == "source"
    words = files["study.json"].read_bytes() + json.dumps(only_run(folder).data.to_dictionary()).encode()
    assert b"secret-hospital" not in words
    assert not (Path.cwd() / "mlruns").exists()


def test_nothing_is_asked_of_the_network(tracked: tuple[Path, RunResult], asked: list[Any]) -> None:
    from mlflow.telemetry import get_telemetry_client

    assert [address for address in asked if not isinstance(address, str)] == []
    assert get_telemetry_client() is None


def test_the_same_run_again_is_written_down_once(tracked: tuple[Path, RunResult], monkeypatch: Any) -> None:
    folder, result = tracked
    study = load_study(folder / "study.toml")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "mlflow", None)  # it is not even asked
        assert run_study(study, folder / "runs" / "small") == result
    (folder / "runs" / "small" / "tracking.json").unlink()
    assert run_study(study, folder / "runs" / "small") == result
    assert only_run(folder).info.run_id == result.tracking["run_id"]


def test_what_an_interruption_left_half_written_is_replaced(tracked: tuple[Path, RunResult]) -> None:
    folder, _ = tracked
    found = client(folder)
    number = found.get_experiment_by_name("moles").experiment_id
    half = found.create_run(number, tags={KEY: "other"}).info.run_id
    again = track(
        folder / "runs" / "small", uri="sqlite", experiment="moles", key="other", settings={}, progress=SILENT
    )
    assert found.get_run(half).info.lifecycle_stage == "deleted"
    assert again.model == "small/2"
    assert {one.run_id for one in tracked_runs("sqlite", folder=folder / "runs", experiment="moles")} >= {
        again.run_id
    }
    found.delete_run(again.run_id)
    (folder / "runs" / "small" / "tracking.json").unlink()


def test_a_server_that_is_down_costs_one_sentence_and_no_result(tracked: tuple[Path, RunResult]) -> None:
    folder, _ = tracked
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    study = load_study(folder / "study.toml", overrule=[f"tracking.uri=http://me:secret@127.0.0.1:{port}"])
    stamp = (folder / "runs" / "small" / STATE).stat().st_mtime_ns
    result = run_study(study, folder / "runs" / "small")
    assert result.report.is_file()
    assert result.tracking is not None
    said = result.tracking["error"]
    assert said.startswith(f"tracking 'http://127.0.0.1:{port}': does not take the run (")
    assert "secret" not in said
    assert "\n" not in said
    assert (folder / "runs" / "small" / STATE).stat().st_mtime_ns == stamp  # nothing was trained anew


def test_without_mlflow_the_run_stands_and_the_package_is_named(
    tracked: tuple[Path, RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = tracked
    monkeypatch.setitem(sys.modules, "mlflow", None)
    study = load_study(folder / "study.toml", overrule=["tracking.experiment=another"])
    result = run_study(study, folder / "runs" / "small")
    assert result.tracking is not None
    assert "pip install 'overread[track]'" in result.tracking["error"]


def test_a_folder_without_a_database_and_an_unknown_experiment_are_named(
    tracked: tuple[Path, RunResult], tmp_path: Path
) -> None:
    folder, _ = tracked
    with pytest.raises(TrackingError, match=r"there is no mlflow.db"):
        tracked_runs("sqlite", folder=tmp_path, experiment="moles")
    assert not (tmp_path / DATABASE).exists()
    with pytest.raises(TrackingError, match=r"there is no experiment 'mole'; name one of: .*moles"):
        tracked_runs("sqlite", folder=folder / "runs", experiment="mole")


def test_a_password_is_not_shown() -> None:
    assert without_password("postgresql://u:p@host/db") == "postgresql://host/db"
    assert without_password("got 'https://u:p@host/x' of it") == "got 'https://host/x' of it"
