from __future__ import annotations

import json
import socket
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from overread.errors import UsageError
from overread.evaluation import Evaluation, evaluate_readings
from overread.evaluation.clinical import LearningPoint
from overread.study.tensorboard import events_of, has_events, serve, write_curves
from tests.evaluation.made import make_manifest, make_scores, make_tables

LABELS = np.tile([0.0, 1.0], 40)
ROC = "ROC: sensitivity by false-positive rate in percent"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    manifest = make_manifest()
    scores = make_scores(np.random.default_rng(3), LABELS)
    history = [
        {"phase": phase, "epoch": epoch, "train_loss": 0.6 - epoch / 10, "tune_auc": 0.7 + epoch / 10}
        for phase, epochs in (("head", 1), ("fine-tune", 2))
        for epoch in range(epochs)
    ]
    found = evaluate_readings(
        *make_tables(LABELS, scores, manifest=manifest), manifest=manifest, resamples=100, history=history
    )
    learned = (LearningPoint(share=0.5, patients=40, images=40, auc=0.8, low=0.7, high=0.85),)
    found.model_copy(update={"learning": learned}).save(tmp_path / "evaluation.json")
    return tmp_path


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    values = {}
    for tag in events.Tags()["tensors"]:
        values[tag] = [(one.step, float(one.tensor_proto.float_val[0])) for one in events.Tensors(tag)]
    return values


def test_training_curves_and_learning_curve_become_events(run: Path) -> None:
    folder = write_curves(run)
    assert folder == run / "work"
    head = scalars(folder / "tensorboard" / "head")
    assert head["tune_auc"] == [(0, pytest.approx(0.7))]
    tuned = scalars(folder / "tensorboard" / "fine-tune")
    assert [step for step, _ in tuned["train_loss"]] == [0, 1]
    assert "tune_loss" not in head  # NaN is no point
    learned = scalars(folder / "tensorboard" / "learning")
    assert learned["learning curve/auc"] == [(40, pytest.approx(0.8))]


def test_the_curve_in_tensorboard_is_that_of_the_evaluation(run: Path) -> None:
    curve = Evaluation.load(run / "evaluation.json").findings[0].curves.roc
    points = scalars(write_curves(run) / "tensorboard" / "test" / "malignant")[ROC]
    assert [step for step, _ in points] == list(range(101))
    area = np.trapezoid([value for _, value in points], dx=0.01)
    exact = np.trapezoid(curve.sensitivity, curve.false_positive_rate)
    assert area == pytest.approx(exact, abs=0.01)
    precision = scalars(run / "work" / "tensorboard" / "test" / "malignant")["precision by recall in percent"]
    assert precision[-1] == (100, pytest.approx(min(value for _, value in precision), abs=0.1))


def test_curves_are_replaced_not_added_and_fine_tuning_tells_its_own(run: Path) -> None:
    write_curves(run)
    own = run / "work" / "fine-tune" / "0a1b" / "tensorboard"
    own.mkdir(parents=True)
    (own / "events.out.tfevents.1.host").write_bytes(b"")
    folder = write_curves(run)
    assert len(list((folder / "tensorboard" / "head").glob("events*"))) == 1
    assert not has_events(folder / "tensorboard" / "fine-tune")


def test_a_run_without_events_gets_them_when_they_are_asked_for(run: Path, tmp_path: Path) -> None:
    assert events_of(run) == run / "work"
    before = sorted(run.rglob("events*"))
    assert events_of(run) == run / "work"
    assert sorted(run.rglob("events*")) == before
    assert events_of(run / "work") == run / "work"
    (run / "evaluation.json").unlink()  # a run that is still training
    assert events_of(run) == run / "work"
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="holds no finished run and no TensorBoard events"):
        events_of(tmp_path / "empty")
    with pytest.raises(UsageError, match="is no folder"):
        events_of(tmp_path / "none")


@pytest.mark.slow
def test_tensorboard_serves_the_curves_on_this_machine_alone(run: Path) -> None:
    url = serve(events_of(run), port=0)
    assert url.startswith("http://127.0.0.1:")
    tags: dict[str, object] = {}
    for _ in range(100):
        with urllib.request.urlopen(f"{url}data/plugin/scalars/tags", timeout=60) as answer:
            tags = json.load(answer)
        if "tensorboard/head" in tags:
            break
        time.sleep(0.2)
    assert {"tensorboard/head", "tensorboard/test/malignant"} <= set(tags)


def test_a_port_that_is_taken_is_named(run: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"TensorBoard cannot listen on 127.0.0.1:{port}"):
            serve(events_of(run), port=port)
