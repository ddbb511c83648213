from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from overread.engine.spark import SparkEngine
from overread.errors import TrainingError
from tests.spark.conftest import SMALL
from tests.training.distributed_cases import Heard
from tests.training.made import MEAN, STD, pixels, reader, run_fine_tune

pytestmark = pytest.mark.spark

SAID: dict[str, Any] = {"freeze_batch_norm": "no", "mix": "cutmix"}
CLOSE = 1e-3
"""How far losses of an epoch may be from those of one process."""


def losses(tuned: Any) -> Any:
    return np.array([[row["train_loss"], row["tune_loss"], row["tune_auc"]] for row in tuned.history])


def logits(network: Any) -> Any:
    from overread.training.fine_tune import logits_of

    return logits_of(network, pixels(10, seed=1), mean=MEAN, std=STD)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    network = reader()
    return network, run_fine_tune(network, tmp_path_factory.mktemp("alone"), epochs=2, **SAID)


def check_equal(network: Any, tuned: Any, alone: tuple[Any, Any]) -> None:
    other, expected = alone
    np.testing.assert_allclose(losses(tuned), losses(expected), atol=CLOSE)
    assert tuned.best_epoch == expected.best_epoch
    np.testing.assert_allclose(logits(network), logits(other), atol=CLOSE)


def test_processes_of_the_distributor_train_the_reader_of_one_process_in_silence(
    spark_engine: SparkEngine, tmp_path: Path, alone: tuple[Any, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    spark_engine.session  # noqa: B018 (what its start prints is not ours)
    capfd.readouterr()
    network, heard = reader(), Heard()
    tuned = run_fine_tune(
        network, tmp_path, processes=2, engine=spark_engine, epochs=2, progress=heard, **SAID
    )
    said = capfd.readouterr()
    assert said.out == ""
    assert "torchrun" not in said.err
    check_equal(network, tuned, alone)
    assert heard.steps == 2
    assert heard.notes == []


@pytest.mark.exhaustive
def test_tasks_of_a_cluster_train_the_reader_of_one_process(
    cluster: str, own_session: None, tmp_path: Path, alone: tuple[Any, Any]
) -> None:
    network = reader()
    with SparkEngine.open(master=cluster, conf=SMALL) as engine:
        with pytest.raises(TrainingError, match="at most 2 processes, which Spark can run at once, got 3"):
            run_fine_tune(reader(), tmp_path / "three", processes=3, engine=engine, **SAID)
        tuned = run_fine_tune(network, tmp_path / "two", processes=2, engine=engine, epochs=2, **SAID)
    check_equal(network, tuned, alone)
