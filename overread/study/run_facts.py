"""What a finished run says of itself, flat: parameters, figures, curves of training, tags; no patient."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from overread.bundle.seal import MANIFEST_NAME
from overread.evaluation import Evaluation, Figure
from overread.evaluation.wording import count
from overread.study.record import HISTORY, TrainingRecord

# Of these a run tells the last part alone: which folders somebody has is nobody's business.
_PATHS = frozenset({"cohort.source", "cohort.table", "reader.weights"})
# The values may be patients.
_ROWS = frozenset({"cohort.exclude", "cohort.only"})
_LESS_IS_BETTER = frozenset({"brier", "log_loss", "calibration_error", "cannot_assess"})


@dataclass(frozen=True)
class RunFacts:
    """One finished run.

    Attributes:
        name: Of the study, or of the bundle.
        bundle: name@version; "" where there is none.
        parameters: Settings by their dotted names, and below `chosen.` what training decided.
        figures: Figures on the evaluated split by name; of several classes also `CLASS/NAME`, of the urgent
            decision `urgent/NAME`.
        steps: Figure of training, by phase → its values, one an epoch: (epoch, value).
        tags: cohort_hash, seed, git_commit, backbone, split; "" where unknown.
    """

    name: str
    bundle: str
    parameters: Mapping[str, str]
    figures: Mapping[str, Figure]
    steps: Mapping[str, tuple[tuple[int, float], ...]]
    tags: Mapping[str, str]


def run_facts(out: Path, *, settings: Mapping[str, Any] | None = None) -> RunFacts:
    """Read the facts of a run's folder.

    Args:
        out: With evaluation.json, and bundle where the run made one.
        settings: All keys of the study; None where nobody knows them.

    Raises:
        EvaluationError: evaluation.json cannot be read.
    """
    evaluation = Evaluation.load(out / "evaluation.json")
    made, record = _provenance(out / "bundle"), _record(out / "bundle")
    tags = {name: _text(made.get(name, "")) for name in ("seed", "git_commit", "backbone")}
    parameters = dict(flat(settings or {}))
    chosen = {name: _name(value) if name == "weights" else value for name, value in record.facts.items()}
    parameters |= {f"chosen.{name}": value for name, value in chosen.items() if value}
    name = parameters.get("study.name") or evaluation.bundle.partition("@")[0]
    return RunFacts(
        name=name,
        bundle=evaluation.bundle,
        parameters=parameters,
        figures=figures_of(evaluation),
        steps=_steps(evaluation),
        tags={**tags, "cohort_hash": evaluation.cohort_hash, "split": evaluation.split},
    )


def _provenance(bundle: Path) -> Mapping[str, Any]:
    """As bundle.json says; its hashes are not checked, for nothing is run."""
    try:
        made = json.loads((bundle / MANIFEST_NAME).read_bytes()).get("provenance", {})
    except (OSError, ValueError, AttributeError):
        return {}  # an evaluation by itself
    return made if isinstance(made, dict) else {}


def _record(bundle: Path) -> TrainingRecord:
    try:
        return TrainingRecord.model_validate_json((bundle / HISTORY).read_bytes())
    except (OSError, ValueError):
        return TrainingRecord()  # a bundle that somebody packed without our training


def flat(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every setting as dotted name and text; what is not set is left out.

    Of paths only the last part is told, and of the rows that a cohort leaves out only how many values name
    them, for such a value may be a patient.

    Example:
        >>> dict(flat({"study": {"seed": 1}, "reader": {"weights": "local-dir:/home/me/net", "views": None}}))
        {'study.seed': '1', 'reader.weights': 'local-dir:net'}
    """
    yield from _flat(settings, "")


def _flat(values: Mapping[str, Any], table: str) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        name = f"{table}{key}"
        if name in _ROWS:
            yield from (
                (f"{name}.{column}", count(len(rows), "value")) for column, rows in (value or {}).items()
            )
        elif isinstance(value, Mapping):
            yield from _flat(value, f"{name}.")
        elif value is not None:
            yield name, _name(_text(value)) if name in _PATHS else _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _name(path: str) -> str:
    """The last part of a path, with what stands before its colon: "local-dir:net"."""
    kind = "local-dir:" if path.startswith("local-dir:") else ""
    rest = path.removeprefix(kind)
    if "/" not in rest and "\\" not in rest:
        return path
    return kind + (PureWindowsPath(rest).name if "\\" in rest else PurePosixPath(rest).name)


def figures_of(evaluation: Evaluation) -> dict[str, Figure]:
    """All figures that have a value, the ones that sum the reader up by their plain names."""
    found = dict(evaluation.overall)
    if evaluation.triage is not None:
        found |= {f"urgent/{name}": one for name, one in evaluation.triage.figures.items()}
    if len(evaluation.findings) > 1:
        found |= {f"{f.name}/{name}": one for f in evaluation.findings for name, one in f.figures.items()}
    kept = [row.tune_auc for row in evaluation.history if row.kept and not math.isnan(row.tune_auc)]
    if kept:
        found["tune_auc"] = Figure(value=kept[-1], method="none")
    return {name: one for name, one in found.items() if not math.isnan(one.value)}


def _steps(evaluation: Evaluation) -> dict[str, tuple[tuple[int, float], ...]]:
    found: dict[str, list[tuple[int, float]]] = {}
    for row in evaluation.history:
        for name in ("train_loss", "tune_loss", "tune_auc"):
            value = float(getattr(row, name))
            if math.isfinite(value):
                found.setdefault(f"{row.phase}/{name}", []).append((row.epoch, value))
    return {name: tuple(values) for name, values in found.items()}


def less_is_better(figure: str) -> bool:
    """Whether the lower value of a figure is the better one."""
    return figure.rpartition("/")[2] in _LESS_IS_BETTER
