"""A run in TensorBoard: its curves as events, and the server that shows them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from overread.errors import OverreadError, UsageError
from overread.evaluation import Evaluation

WORK, CURVES, FINE_TUNE = "work", "tensorboard", "fine-tune"
LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
_EVALUATION, _EVENTS = "evaluation.json", "events.out.tfevents*"
_PERCENT = range(101)

Point = tuple[str, float, int]
"""Tag, value, step."""


def write_curves(run: Path) -> Path:
    """Write a finished run's curves as TensorBoard events: training, ROC, precision-recall, learning curve.

    What an earlier call wrote is replaced. Fine-tuning writes its own events while it runs, so that here its
    epochs are told only where those are gone. Steps: epochs; of a ROC curve the false-positive rate and of
    precision the recall, in percent; of the learning curve patients.

    Args:
        run: A folder with evaluation.json.

    Returns:
        The folder of all event files of the run: `work`.

    Raises:
        EvaluationError: evaluation.json cannot be read.
        ModuleNotFoundError: TensorBoard is not installed.
    """
    from tensorboard.summary import Writer

    evaluation = Evaluation.load(run / _EVALUATION)
    curves = run / WORK / CURVES
    for path in curves.rglob(_EVENTS):
        path.unlink()
    told = has_events(run / WORK / FINE_TUNE)
    for name, points in _curves(evaluation, without="fine-tune" if told else ""):
        writer = Writer(str(curves / name))
        for tag, value, step in points:
            writer.add_scalar(tag, np.float32(value), step)
        writer.close()
    return run / WORK


def has_events(folder: Path) -> bool:
    """Whether event files lie in a folder or below it."""
    return next(folder.rglob(_EVENTS), None) is not None


def _curves(evaluation: Evaluation, *, without: str) -> Iterator[tuple[str, list[Point]]]:
    """Every TensorBoard run: its name and points."""
    for phase in dict.fromkeys(row.phase for row in evaluation.history):
        rows = [row for row in evaluation.history if row.phase == phase and phase != without]
        names = ("train_loss", "tune_loss", "tune_auc")
        points = _finite((name, getattr(row, name), row.epoch) for row in rows for name in names)
        if points:
            yield phase, points
    for finding in evaluation.findings:
        # A folder's name, and a tag with a place of its own in the page.
        name = "".join(letter if letter.isalnum() or letter in "-_ ." else "_" for letter in finding.name)
        points = [
            *_roc(finding.curves.roc.false_positive_rate, finding.curves.roc.sensitivity),
            *_precision(finding.curves.precision_recall.recall, finding.curves.precision_recall.precision),
        ]
        if points:
            yield f"{evaluation.split}/{name}", points
    learned = [
        (f"learning curve/{name}", getattr(point, name), point.patients)
        for point in evaluation.learning
        for name in ("auc", "low", "high")
    ]
    if _finite(learned):
        yield "learning", _finite(learned)


def _finite(points: Iterable[Point]) -> list[Point]:
    return [point for point in points if math.isfinite(point[1])]


def _roc(rates: tuple[float, ...], sensitivity: tuple[float, ...]) -> list[Point]:
    if not rates:
        return []
    # At a vertical step np.interp takes the upper end: the curve's own value.
    values = np.interp([percent / 100 for percent in _PERCENT], rates, sensitivity)
    tag = "ROC: sensitivity by false-positive rate in percent"
    return [(tag, float(value), percent) for percent, value in zip(_PERCENT, values, strict=True)]


def _precision(recall: tuple[float, ...], precision: tuple[float, ...]) -> list[Point]:
    if not recall:
        return []
    # Of several thresholds with one recall the first is the highest, with the fewest false alarms.
    places = np.searchsorted(recall, [percent / 100 - 1e-9 for percent in _PERCENT])
    tag = "precision by recall in percent"
    return [(tag, float(precision[place]), percent) for percent, place in zip(_PERCENT, places, strict=True)]


def events_of(run: Path) -> Path:
    """The folder of a run's event files; its curves are written where they are missing.

    Args:
        run: A folder of `overread run` or `overread evaluate`, or any folder with event files.

    Raises:
        UsageError: There is nothing to show.
    """
    if (run / _EVALUATION).is_file():
        if not has_events(run / WORK / CURVES):
            write_curves(run)
        return run / WORK
    for folder in (run / WORK, run):  # a run that is still training, or any folder
        if folder.is_dir() and has_events(folder):
            return folder
    raise UsageError(
        "holds no finished run and no TensorBoard events" if run.is_dir() else "is no folder",
        where=f"'{run}'",
        todo="name a folder that overread run made",
    )


def serve(folder: Path, *, host: str = "127.0.0.1", port: int = 6006) -> str:
    """Start TensorBoard beside this process; it ends with it.

    Args:
        folder: Of the event files.
        host: Where it listens; other machines reach it only if this is not one of `LOCAL`.
        port: 0 for any that is free.

    Returns:
        The page's address.

    Raises:
        UsageError: It cannot listen there.
    """
    from tensorboard import program

    server = program.TensorBoard()
    server.configure(
        argv=[
            "tensorboard",
            "--logdir",
            str(folder),
            "--host",
            host,
            "--port",
            str(port),
            "--load_fast=false",
        ]
    )
    try:
        return str(server.launch())
    except (program.TensorBoardServerException, OSError) as error:
        raise _not_there(host, port) from error


def _not_there(host: str, port: int) -> OverreadError:
    return UsageError(
        f"TensorBoard cannot listen on {host}:{port}",
        where="--port",
        todo="another program may use it: choose another port, or 0 for any that is free",
    )
