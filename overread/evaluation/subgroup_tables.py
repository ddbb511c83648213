"""Which subgroups an evaluation looks at, and by which statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from overread.bundle.manifest import ManifestDraft
from overread.errors import EvaluationError
from overread.evaluation.asked import Asked
from overread.evaluation.clinical import SubgroupTable
from overread.evaluation.drawn import Drawn, Mask
from overread.evaluation.join import JoinedReadings
from overread.evaluation.measures import all_scored, called_urgent, threshold_of, urgent_truth
from overread.evaluation.ranking import roc_auc_of
from overread.evaluation.statistics import sensitivity_of, specificity_of
from overread.evaluation.subgroups import (
    AGE_EDGES,
    NOT_STATED,
    Factory,
    age_bands,
    band_names,
    inside_kinds,
    pooled_kinds,
    side_statistics,
    subgroup_rows,
)
from overread.evaluation.weighted import Array, Statistic

AUTO_COLUMNS = ("sex", "age", "site", "source", "view", "device")
LEAST_IMAGES = 20
"""Of a kind that stands alone."""
MOST_TABLES = 60
"""Of one score's ranking in a multilabel evaluation; the findings with most positives come first."""


@dataclass(frozen=True)
class Compared:
    """A table before its figures are drawn.

    Attributes:
        column: Of the cohort.
        of: Whose score.
        statistic: Which.
        inside: Kind → its images.
        truth: float64 [n].
        scores: float64 [n].
        factory: From truth and scores to the statistic.
        whole: For a proportion, its denominator.
    """

    column: str
    of: str
    statistic: Literal["roc_auc", "sensitivity", "specificity"]
    inside: Mapping[str, Mask]
    truth: Array
    scores: Array
    factory: Factory
    whole: Mask | None = None

    @property
    def name(self) -> str:
        """In the draws."""
        return f"subgroups/{self.column}/{self.of}/{self.statistic}"


def all_compared(
    joined: JoinedReadings, reference: pa.Table, *, manifest: ManifestDraft, asked: Asked
) -> list[Compared]:
    """Every table: by column, then by score, then by statistic.

    Binary: the finding's ROC-AUC, and sensitivity and specificity at its operating point. Multiclass: those
    of the urgent sum. Multilabel: sensitivity and specificity of the urgent decision, and the ROC-AUC of each
    finding, as far as `MOST_TABLES` reach.
    """
    columns = _columns(joined, reference, asked=asked)
    scored = all_scored(joined, manifest=manifest)
    ranked: dict[str, tuple[Array, Array]] = {}
    if "triage" in scored:
        ranked["urgent"] = (scored["triage"].truth, scored["triage"].scores)
    else:
        order = sorted(
            range(len(manifest.classes)), key=lambda index: -int((joined.labels[:, index] == 1).sum())
        )
        for index in sorted(order[: max(1, MOST_TABLES // max(1, len(columns)))]):
            one = scored[f"finding/{index}"]
            ranked[manifest.classes[index]] = (one.truth, one.scores)
    decided: dict[str, tuple[Array, Mask]] = {}
    if manifest.triage.urgent and manifest.task != "binary":
        truth = urgent_truth(joined.labels, manifest=manifest)
        decided["urgent"] = (truth, called_urgent(joined.scores, manifest=manifest))
    elif manifest.task == "binary" and not np.isnan(threshold_of(manifest, manifest.classes[0])):
        one = scored["finding/0"]
        decided[manifest.classes[0]] = (one.truth, one.scores >= one.threshold)
    found = []
    for column, inside in columns.items():
        for of, (truth, scores) in ranked.items():
            found.append(Compared(column, of, "roc_auc", inside, truth, scores, roc_auc_of))
        for of, (truth, called) in decided.items():
            flags = called.astype(np.float64)
            found.append(Compared(column, of, "sensitivity", inside, truth, flags, _sensitivity, truth == 1))
            found.append(Compared(column, of, "specificity", inside, truth, flags, _specificity, truth == 0))
    return found


def subgroup_statistics(compared: list[Compared]) -> dict[str, Statistic]:
    """What must be drawn for `subgroup_tables`."""
    found: dict[str, Statistic] = {}
    for one in compared:
        found |= side_statistics(one.name, one.inside, one.truth, one.scores, statistic=one.factory)
    return found


def subgroup_tables(compared: list[Compared], *, drawn: Drawn) -> tuple[SubgroupTable, ...]:
    """The tables with their figures."""
    return tuple(
        SubgroupTable(
            column=one.column,
            of=one.of,
            statistic=one.statistic,
            rows=subgroup_rows(one.name, one.inside, one.truth, drawn=drawn, whole=one.whole),
        )
        for one in compared
    )


def _columns(joined: JoinedReadings, reference: pa.Table, *, asked: Asked) -> dict[str, dict[str, Mask]]:
    """Column → kind → images. By "auto", those with at least two kinds of enough images."""
    auto = asked.subgroups == "auto"
    names = AUTO_COLUMNS if asked.subgroups == "auto" else asked.subgroups
    rows = pc.index_in(pa.array(joined.image_id), reference["image_id"])
    found: dict[str, dict[str, Mask]] = {}
    for name in names:
        if name not in reference.column_names:
            if auto:
                continue
            raise EvaluationError(
                f"expected a column '{name}', got {reference.column_names}",
                where="evaluation.subgroups",
                todo="name columns of the cohort",
            )
        kinds, order = _kinds(name, reference[name].take(rows))
        inside = inside_kinds(pooled_kinds(kinds, least=LEAST_IMAGES), order=order)
        enough = [kind for kind, here in inside.items() if kind != NOT_STATED and here.sum() >= LEAST_IMAGES]
        if not auto or len(enough) >= 2:
            found[name] = inside
    return found


def _kinds(name: str, values: pa.ChunkedArray) -> tuple[list[str | None], list[str]]:
    """A column as kinds, and their order: ages in bands, other numbers in thirds, else as it is written."""
    if not pa.types.is_floating(values.type) and not pa.types.is_integer(values.type):
        return [None if one is None or not str(one).strip() else str(one) for one in values.to_pylist()], []
    numbers = np.array([np.nan if one is None else one for one in values.to_pylist()], np.float64)
    if name == "age":
        return age_bands(numbers), band_names(AGE_EDGES)
    stated = numbers[~np.isnan(numbers)]
    if np.unique(stated).size <= 3:
        return [None if np.isnan(one) else f"{one:g}" for one in numbers], []
    edges = sorted({float(f"{edge:.3g}") for edge in np.quantile(stated, [1 / 3, 2 / 3])})
    return age_bands(numbers, edges=edges), band_names(edges)


def _sensitivity(truth: Array, called: Array) -> Statistic:
    return sensitivity_of(truth, called > 0)


def _specificity(truth: Array, called: Array) -> Statistic:
    return specificity_of(truth, called > 0)
