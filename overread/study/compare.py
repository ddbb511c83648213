"""Finished runs become readers side by side; their readings lie there, and no image is read again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from overread.cohort import Cohort
from overread.cohort.cohort import CARD
from overread.errors import EvaluationError, UsageError
from overread.evaluation import Evaluation
from overread.evaluation.compare import compare_readers
from overread.evaluation.comparison import Comparison
from overread.evaluation.shared_images import Candidate

EVALUATION, READINGS, COHORT = "evaluation.json", "readings.parquet", "cohort"
_REFERENCE = ("image_id", "patient_id", "target", "split")


@dataclass(frozen=True)
class _Opened:
    path: Path
    evaluation: Evaluation
    cohort: Path


def compare_runs(
    runs: Sequence[Path],
    *,
    cohort: Path | None = None,
    all_pairs: bool = False,
    resamples: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Compare finished runs by the readings that lie in them.

    Args:
        runs: Folders with evaluation.json and readings.parquet, as `overread run` and `overread evaluate`
            write them; the first is the baseline. The folder's name is the reader's.
        cohort: What they have read; None: the folder `cohort` of each run.
        all_pairs: Compare each reader with each, not with the first alone.
        resamples: Of the patient-clustered bootstrap.
        seed: Of the bootstrap.

    Raises:
        UsageError: There are fewer than two runs, or a run has no cohort and none is given.
        EvaluationError: A run is not finished, or they have not read the same images.
        CohortError: The cohort is not whole.
    """
    if len(runs) < 2:
        raise UsageError(
            f"expected two runs or more, got {len(runs)}", where="compare", todo="name another folder"
        )
    opened = [_open(Path(path), cohort) for path in runs]
    cohorts: dict[Path, Cohort] = {}
    for one in opened:
        resolved = one.cohort.resolve()
        if resolved not in cohorts:
            cohorts[resolved] = Cohort.load(one.cohort)
    first = next(iter(cohorts.values()))
    for one in opened:
        card = cohorts[one.cohort.resolve()].card
        if card.content_hash != first.card.content_hash:
            raise EvaluationError(
                f"'{opened[0].path}' and '{one.path}' have read different cohorts "
                f"({first.card.content_hash[:12]} and {card.content_hash[:12]}: "
                "other images, labels or split)",
                where="compare",
                todo="run both studies on one source with the same [cohort] and seed, "
                "or evaluate both bundles on one cohort",
            )
    return compare_readers(
        [
            Candidate(name, one.evaluation, _readings(one.path / READINGS))
            for name, one in zip(_names([one.path for one in opened]), opened, strict=True)
        ],
        first.table(_REFERENCE, copies=False),
        all_pairs=all_pairs,
        resamples=resamples,
        seed=seed,
        notes=_notes(opened, first),
    )


def _open(path: Path, cohort: Path | None) -> _Opened:
    if not (path / EVALUATION).is_file() or not (path / READINGS).is_file():
        missing = EVALUATION if not (path / EVALUATION).is_file() else READINGS
        raise EvaluationError(
            f"holds no {missing}",
            where=f"run '{path}'",
            todo="name a folder that overread run or evaluate made",
        )
    where = cohort if cohort is not None else path / COHORT
    if not (where / CARD).is_file():
        todo = "name it with --cohort" if cohort is None else "name the folder that overread ingest made"
        raise UsageError("holds no cohort", where=f"'{where}'", todo=todo)
    return _Opened(path, Evaluation.load(path / EVALUATION), where)


def _readings(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise EvaluationError(
            "is no Parquet file of readings", where=f"'{path}'", todo="evaluate the bundle again"
        ) from error


def _names(paths: Sequence[Path]) -> list[str]:
    """The folders' names; where two are the same as much of the path as tells them apart, then a number.

    Example:
        >>> _names([Path("a/linear"), Path("a/mlp")]), _names([Path("a/one"), Path("b/one"), Path("b/one")])
        (['linear', 'mlp'], ['a/one', 'b/one', 'b/one (2)'])
    """
    whole = [path.resolve().parts for path in paths]
    distinct = sorted(set(whole))
    depth = next((n for n in range(1, 20) if len({parts[-n:] for parts in distinct}) == len(distinct)), 20)
    names: list[str] = []
    for parts in whole:
        name = "/".join(parts[-depth:]).lstrip("/")
        twins = sum(before == name or before.startswith(f"{name} (") for before in names)
        names.append(f"{name} ({twins + 1})" if twins else name)
    return names


def _notes(opened: Sequence[_Opened], cohort: Cohort) -> list[str]:
    notes = []
    if not cohort.card.patient_known:
        notes.append(
            "The cohort does not tell patients apart: images of one lesion or study count as one patient, "
            "any other as a patient of its own, and intervals are too narrow where a patient has several."
        )
    strangers = [
        one.path.name for one in opened if one.evaluation.cohort_hash not in ("", cohort.card.content_hash)
    ]
    if strangers and opened[0].evaluation.split != "train":
        notes.append(
            f"Trained on another cohort: {', '.join(strangers)}. Whether images compared here were among "
            "those that trained it is not known."
        )
    return notes
