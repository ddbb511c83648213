"""Finished runs in a list: those whose folders lie here, or those that MLflow knows."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from overread.errors import UsageError
from overread.evaluation import Figure
from overread.study.run_facts import less_is_better, run_facts

_STATE, _EVALUATION, _MANIFEST = "run.json", "evaluation.json", "bundle.json"
_CHOSEN = "chosen."
_DEEPEST = 4  # folders below the one that is asked for
_NEVER_RUNS = frozenset({"bundle", "cohort", "work", "mlflow-artifacts", "node_modules"})


@dataclass(frozen=True)
class RunRow:
    """One finished run.

    Attributes:
        id: By which it can be named: the folder's path, or MLflow's id.
        name: Of the study.
        finished: ISO 8601, UTC, to the second.
        bundle: name@version.
        backbone: Of the reader; "" where unknown.
        head: Of the reader; "" where unknown.
        cohort_hash: Content hash of the cohort that trained it; "" where unknown.
        split: That was evaluated.
        path: The run's folder; None for a run that MLflow alone knows.
        parameters: Settings by their dotted names.
        figures: Figures by name.
    """

    id: str
    name: str
    finished: str
    bundle: str
    backbone: str
    head: str
    cohort_hash: str
    split: str
    path: Path | None
    parameters: Mapping[str, str]
    figures: Mapping[str, Figure]

    def value(self, figure: str) -> float:
        """One figure; NaN where the run has none of this name."""
        return self.figures[figure].value if figure in self.figures else math.nan


def runs_in(folder: Path) -> list[RunRow]:
    """The runs whose folders lie in a folder, or that it is itself; in the order of their paths.

    Args:
        folder: Searched four folders deep; bundles, cohorts and hidden folders are passed by.

    Raises:
        UsageError: There is no such folder.
        EvaluationError: The evaluation.json of a run cannot be read.
    """
    if not folder.is_dir():
        raise UsageError("is no folder", where=f"'{folder}'", todo="name a folder with runs in it")
    return [_row(path) for path in sorted(_run_folders(folder))]


def _run_folders(folder: Path) -> Iterator[Path]:
    for path, folders, files in os.walk(folder):
        here = Path(path)
        # A bundle carries an evaluation too, but is no run.
        if _EVALUATION in files and _MANIFEST not in files and _is_finished(here):
            yield here
        deep = len(here.relative_to(folder).parts) >= _DEEPEST
        folders[:] = [] if deep else [n for n in folders if n not in _NEVER_RUNS and not n.startswith(".")]


def _is_finished(path: Path) -> bool:
    """Whether its evaluation is of its settings; one that is being made anew may still hold the last one."""
    try:
        return "key" in json.loads((path / _STATE).read_text("utf-8"))
    except FileNotFoundError:
        return True  # of `overread evaluate`
    except (OSError, ValueError, TypeError):
        return False


def _row(path: Path) -> RunRow:
    facts = run_facts(path, settings=_settings(path))
    written = datetime.fromtimestamp((path / _EVALUATION).stat().st_mtime, UTC)
    return RunRow(
        id=str(path),
        name=facts.name,
        finished=written.isoformat(timespec="seconds"),
        bundle=facts.bundle,
        backbone=facts.tags["backbone"],
        head=_head(facts.parameters),
        cohort_hash=facts.tags["cohort_hash"],
        split=facts.tags["split"],
        path=path,
        parameters=facts.parameters,
        figures=facts.figures,
    )


def _settings(path: Path) -> Mapping[str, Any]:
    try:
        said = json.loads((path / _STATE).read_text("utf-8")).get("study", {})
    except (OSError, ValueError, AttributeError):
        return {}  # made by `overread evaluate`, or by an earlier Overread
    return said if isinstance(said, dict) else {}


def _head(parameters: Mapping[str, str]) -> str:
    return parameters.get("chosen.head.head") or parameters.get("reader.head", "")


def runs_of(uri: str, *, folder: Path, experiment: str) -> list[RunRow]:
    """The runs that MLflow knows, the newest first.

    Args:
        uri: "sqlite" (mlflow.db in `folder`), or what MLflow takes.
        folder: For "sqlite".
        experiment: Its name.

    Raises:
        TrackingError: There is no such database or experiment, or the server does not answer.
    """
    from overread.study.tracking import BUNDLE, COHORT, tracked_runs

    rows = []
    for run in tracked_runs(uri, folder=folder, experiment=experiment):
        names = [name for name in run.figures if not name.endswith((".low", ".high"))]
        figures = {
            name: Figure(
                value=run.figures[name],
                low=run.figures.get(f"{name}.low", math.nan),
                high=run.figures.get(f"{name}.high", math.nan),
            )
            for name in names
        }
        rows.append(
            RunRow(
                id=run.run_id,
                name=run.name,
                finished=datetime.fromtimestamp(run.started, UTC).isoformat(timespec="seconds"),
                bundle=run.tags.get(BUNDLE, ""),
                backbone=run.tags.get("overread.backbone", ""),
                head=_head(run.parameters),
                cohort_hash=run.tags.get(COHORT, ""),
                split=run.tags.get("overread.split", ""),
                path=None,
                parameters=run.parameters,
                figures=figures,
            )
        )
    return rows


def best_first(rows: Sequence[RunRow], by: str) -> list[RunRow]:
    """Sorted by a figure, the best first; runs without it last, equal ones as they came.

    Raises:
        UsageError: No run has a figure of this name.
    """
    known = sorted({name for row in rows for name in row.figures})
    if rows and by not in known:
        plain = [name for name in known if "/" not in name]
        raise UsageError(f"no run has a figure '{by}'", where="--by", todo=f"choose among {', '.join(plain)}")
    sign = 1 if less_is_better(by) else -1
    return sorted(rows, key=lambda row: math.inf if math.isnan(row.value(by)) else sign * row.value(by))


def chosen(rows: Sequence[RunRow], names: Sequence[str]) -> list[RunRow]:
    """The runs of these names: a path, the end of a path, a study's name, or the start of an id.

    Raises:
        UsageError: No run is called so, or several are.
    """
    found = []
    for name in names:
        fitting = [row for row in rows if row.id == name]
        fitting = fitting or [row for row in rows if _is_called(row, name)]
        if len(fitting) != 1:
            several = ", ".join(row.id for row in fitting[:4])
            raise UsageError(
                f"{len(fitting)} runs are called '{name}'" if fitting else f"no run is called '{name}'",
                where="--compare",
                todo=f"name one of {several}" if fitting else "see 'overread runs' for their names",
            )
        found.append(fitting[0])
    return found


def _is_called(row: RunRow, name: str) -> bool:
    if name in (row.name, row.bundle):
        return True
    if row.path is None:
        return len(name) >= 4 and row.id.startswith(name)
    parts = Path(name).parts
    return bool(parts) and row.path.resolve().parts[-len(parts) :] == parts


def different(rows: Sequence[RunRow]) -> dict[str, tuple[str | None, ...]]:
    """Parameters in which runs differ: name → value a run, None where it has none; in the runs' order.

    Where a run does not tell its settings, only what training chose is compared.
    """
    names = dict.fromkeys(name for row in rows for name in row.parameters)
    if not all(any(not name.startswith(_CHOSEN) for name in row.parameters) for row in rows):
        names = {name: None for name in names if name.startswith(_CHOSEN)}
    values = {name: tuple(row.parameters.get(name) for row in rows) for name in names}
    return {name: row for name, row in values.items() if len(set(row)) > 1}
