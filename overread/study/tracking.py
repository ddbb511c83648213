"""Finished runs in MLflow: parameters, figures with intervals, files, and the bundle in the model registry.

MLflow is loaded only where a study or `overread runs --uri` asks for it, and told not to report its use.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overread.engine import write_atomically
from overread.errors import OverreadError, TrackingError, UsageError
from overread.progress import SILENT, Progress
from overread.study.run_facts import RunFacts, run_facts

TRACKED = "tracking.json"
DATABASE, ARTIFACTS = "mlflow.db", "mlflow-artifacts"
KEY, COHORT, BUNDLE, MODEL = "overread.key", "overread.cohort_hash", "overread.bundle", "overread.model"
BUNDLE_FOLDER = "bundle"
_BATCH, _LONGEST = 100, 6000  # what MLflow takes at a time, and of one parameter
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
# A server that does not answer must not hold up a study for the minutes that MLflow would try.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"}


@dataclass(frozen=True)
class Tracked:
    """Where a run is written down.

    Attributes:
        uri: Of the tracking server or database, without a password.
        experiment: The experiment's name.
        run_id: MLflow's id of the run.
        model: NAME/VERSION in the model registry; "" where the server keeps none.
    """

    uri: str
    experiment: str
    run_id: str
    model: str


def track(
    out: Path,
    *,
    uri: str,
    experiment: str,
    key: str,
    settings: Mapping[str, Any],
    progress: Progress = SILENT,
) -> Tracked:
    """Write a finished run down, once.

    Readings, patients and the paths of images are not written; the report, in the bundle and beside it, shows
    pictures of the worst mistakes.

    Args:
        out: The run's folder.
        uri: "sqlite" (mlflow.db beside `out`), or what MLflow takes.
        experiment: Name of the experiment; made where there is none.
        key: Of the run: the same key is the same run.
        settings: All keys of the study.
        progress: Who listens.

    Raises:
        TrackingError: MLflow is not installed, or its server or database does not do what it should.
    """
    shown = without_password(uri)
    before = _tracked(out, key=key, uri=shown, experiment=experiment)
    if before is not None:
        return before
    with _mlflow(shown) as mlflow:
        client = _client(mlflow, resolved(uri, out.parent))
        number = _experiment(client, experiment, _artifacts(uri, out.parent))
        run_id = _finished(client, number, key)
        if run_id is None:
            facts = run_facts(out, settings=settings)
            run_id = _log(client, number, facts, out=out, key=key)
            model = _register(client, facts, run_id=run_id, key=key)
            if model:
                client.set_tag(run_id, MODEL, model)
            client.set_terminated(run_id)
        else:
            model = client.get_run(run_id).data.tags.get(MODEL, "")
    tracked = Tracked(shown, experiment, run_id, model)
    text = json.dumps({"key": key, **tracked.__dict__}, indent=1) + "\n"
    write_atomically(out / TRACKED, text.encode())
    progress.note(f"tracked as run {run_id}" + (f" and model {model}" if model else "") + f" in {shown}")
    return tracked


@dataclass(frozen=True)
class TrackedRun:
    """What MLflow says of one run.

    Attributes:
        run_id: MLflow's id.
        name: Of the run.
        started: Seconds since 1970.
        parameters: Settings by name.
        figures: Values by name; bounds as NAME.low and NAME.high.
        tags: Its tags.
    """

    run_id: str
    name: str
    started: float
    parameters: Mapping[str, str]
    figures: Mapping[str, float]
    tags: Mapping[str, str]


def tracked_runs(uri: str, *, folder: Path, experiment: str) -> list[TrackedRun]:
    """The finished runs of an experiment, the newest first.

    Args:
        uri: "sqlite" (mlflow.db in `folder`), or what MLflow takes.
        folder: For "sqlite".
        experiment: Its name.

    Raises:
        UsageError: `uri` is no address.
        TrackingError: There is no such database or experiment, or the server does not answer.
    """
    if uri == "sqlite" and not (folder / DATABASE).is_file():
        raise TrackingError(
            f"there is no {DATABASE}",
            where=f"folder '{folder}'",
            todo='run a study with [tracking] uri = "sqlite", or name another folder',
        )
    if uri != "databricks" and uri != "sqlite" and ":" not in uri:
        # MLflow takes any other word for a folder, and makes it.
        raise UsageError(f"expected sqlite or an address such as https://…, got '{uri}'", where="--uri")
    shown = without_password(uri)
    with _mlflow(shown) as mlflow:
        client = _client(mlflow, resolved(uri, folder))
        found = client.get_experiment_by_name(experiment)
        if found is None:
            names = ", ".join(sorted(one.name for one in client.search_experiments(max_results=20)))
            raise TrackingError(
                f"there is no experiment '{experiment}'",
                where=f"tracking '{shown}'",
                todo=f"name one of: {names} (--experiment)",
            )
        runs: list[Any] = []
        token = None
        while True:
            page = client.search_runs(
                [found.experiment_id], "attributes.status = 'FINISHED'", max_results=1000, page_token=token
            )
            runs += page
            token = page.token
            if not token:
                break
    return [
        TrackedRun(
            run_id=run.info.run_id,
            name=run.info.run_name or run.info.run_id,
            started=run.info.start_time / 1000,
            parameters=dict(run.data.params),
            figures=dict(run.data.metrics),
            tags=dict(run.data.tags),
        )
        for run in runs
    ]


def resolved(uri: str, folder: Path) -> str:
    """What MLflow takes: "sqlite" is mlflow.db in this folder."""
    return f"sqlite:///{(folder / DATABASE).resolve()}" if uri == "sqlite" else uri


def without_password(uri: str) -> str:
    """The URI as it may be shown.

    Example:
        >>> without_password("https://me:secret@mlflow.example/"), without_password("sqlite")
        ('https://mlflow.example/', 'sqlite')
    """
    return re.sub(r"(?<=//)[^/@\s]*@", "", uri)


@contextmanager
def _mlflow(shown: str) -> Iterator[Any]:
    """MLflow, silent and patient for a minute at most; whatever it raises becomes one sentence."""
    before = {name: os.environ.get(name) for name in (*_ENVIRONMENT, *_PATIENCE)}
    os.environ.update(_ENVIRONMENT)
    os.environ.update({name: value for name, value in _PATIENCE.items() if before[name] is None})
    where, loud = f"tracking '{shown}'", {}
    try:
        try:
            import mlflow
        except ModuleNotFoundError as error:
            raise TrackingError(
                "the package 'mlflow' is not installed here",
                where=where,
                todo="pip install 'overread[track]'",
            ) from error
        # It raises the level of its loggers when it is loaded.
        loud = {name: logging.getLogger(name).level for name in ("mlflow", "alembic")}
        for name in loud:
            logging.getLogger(name).setLevel(logging.ERROR)
        with redirect_stdout(sys.stderr):  # standard output is for --json alone
            yield mlflow
    except OverreadError:
        raise
    except Exception as error:  # a server, a database or a store of files: each has errors of its own
        raise TrackingError(
            f"does not take the run ({_first_line(error)})",
            where=where,
            todo="the run itself is whole; make the server reachable and run the same command again",
        ) from error
    finally:
        for name, level in loud.items():
            logging.getLogger(name).setLevel(level)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _client(mlflow: Any, uri: str) -> Any:
    return mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)


def _first_line(error: Exception) -> str:
    text = without_password(str(error)).strip().partition("\n")[0].rstrip(".")
    said = text or type(error).__name__
    return said if len(said) <= 160 else said[:159] + "…"


def _tracked(out: Path, *, key: str, uri: str, experiment: str) -> Tracked | None:
    """What was written down before, of this run and in this place."""
    try:
        said = json.loads((out / TRACKED).read_text("utf-8"))
        found = Tracked(**{name: str(said[name]) for name in Tracked.__dataclass_fields__})
        same = said["key"] == key and (found.uri, found.experiment) == (uri, experiment)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if same else None


def _artifacts(uri: str, folder: Path) -> str | None:
    """Where a database keeps its files: beside it, not in the working folder; a server decides itself."""
    if uri == "sqlite":
        return (folder / ARTIFACTS).resolve().as_uri()
    if uri.startswith("sqlite:///"):
        return (Path(uri.removeprefix("sqlite:///")).resolve().parent / ARTIFACTS).as_uri()
    return None


def _experiment(client: Any, name: str, place: str | None) -> str:
    found = client.get_experiment_by_name(name)
    return str(found.experiment_id if found else client.create_experiment(name, artifact_location=place))


def _finished(client: Any, experiment: str, key: str) -> str | None:
    """The run of this key; what an interruption left half written is taken away."""
    finished = None
    for run in client.search_runs([experiment], f"tags.`{KEY}` = '{key}'"):
        if run.info.status == "FINISHED":
            finished = str(run.info.run_id)
        else:
            client.delete_run(run.info.run_id)
    return finished


def _log(client: Any, experiment: str, facts: RunFacts, *, out: Path, key: str) -> str:
    from mlflow.entities import Metric, Param

    tags = {f"overread.{name}": value for name, value in facts.tags.items() if value}
    tags |= {KEY: key, BUNDLE: facts.bundle, "overread.folder": out.resolve().name}
    if facts.tags.get("git_commit"):
        tags["mlflow.source.git.commit"] = facts.tags["git_commit"]
    run_id = str(client.create_run(experiment, tags=tags, run_name=facts.name).info.run_id)
    now = int(time.time() * 1000)
    params = [Param(_key(name), value[:_LONGEST]) for name, value in facts.parameters.items() if value]
    metrics = [
        Metric(_key(name + suffix), value, now, 0)
        for name, figure in facts.figures.items()
        for suffix, value in (("", figure.value), (".low", figure.low), (".high", figure.high))
        if math.isfinite(value)
    ]
    metrics += [
        Metric(_key(name), value, now, epoch) for name, row in facts.steps.items() for epoch, value in row
    ]
    for start in range(0, len(params), _BATCH):
        client.log_batch(run_id, params=params[start : start + _BATCH])
    for start in range(0, len(metrics), 5 * _BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + 5 * _BATCH])
    client.log_dict(run_id, dict(facts.parameters), "study.json")
    for name in ("report.html", "evaluation.json"):
        client.log_artifact(run_id, str(out / name))
    client.log_artifacts(run_id, str(out / "bundle"), BUNDLE_FOLDER)
    return run_id


def _register(client: Any, facts: RunFacts, *, run_id: str, key: str) -> str:
    """The bundle as a version of the model that is called like the study: the folder itself, nothing pickled.

    Returns:
        NAME/VERSION.
    """
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(facts.name, description="Bundles of Overread, for overread predict.")
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    version = client.create_model_version(
        facts.name,
        source=f"runs:/{run_id}/{BUNDLE_FOLDER}",
        run_id=run_id,
        tags={KEY: key, BUNDLE: facts.bundle, COHORT: facts.tags.get("cohort_hash", "")},
    )
    return f"{facts.name}/{version.version}"


def _key(name: str) -> str:
    """A name that MLflow takes: letters, digits, and _ - . space : / of the rest."""
    return re.sub(r"[^\w\-. :/]", "_", name, flags=re.ASCII)
