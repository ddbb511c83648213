"""Folds for cross-validation: groups stay whole, classes keep their shares."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from overread.cohort.balance import share_out
from overread.cohort.cohort import Cohort
from overread.cohort.describe import count_classes
from overread.cohort.labels import stratum_columns
from overread.cohort.schema import SPLITS, Split
from overread.cohort.split import connect, drawn_groups
from overread.errors import CohortError

KeptWhole = Literal["patient", "site", "source", "device"]
"""What a fold may not divide; sites, sources and devices beside the patients."""


@dataclass(frozen=True)
class NestedFolds:
    """Folds to test on, and within the rest of each, folds to choose on.

    Attributes:
        outer: n fold numbers.
        inner: One list an outer fold: n numbers of inner folds, None for the images that it tests on.
    """

    outer: list[int]
    inner: list[list[int | None]]


def assign_folds(
    ids: Sequence[str],
    groups: Sequence[int],
    *,
    strata: NDArray[np.float64],
    folds: int,
    seed: int,
) -> list[int]:
    """Share whole groups out to equal folds that keep the shares of the classes (stratified group k-fold).

    Args:
        ids: n distinct ids; the result depends on them and the seed, not on their order.
        groups: n group numbers; a group is never divided.
        strata: float64 [n, k] of 0 and 1: what to share out evenly beside the number of images.
        folds: How many, at least 2.
        seed: Draws which of equal groups goes where.

    Returns:
        A fold for each image, from 0.

    Raises:
        CohortError: There are fewer groups than folds.

    Example:
        >>> sorted(assign_folds(["a", "b", "c", "d"], [0, 1, 2, 3], strata=np.ones((4, 1)), folds=2, seed=0))
        [0, 0, 1, 1]
    """
    members = drawn_groups(ids, groups, seed=seed)
    if not 2 <= folds <= len(members):
        raise CohortError(
            f"expected 2 folds to as many as there are groups of images ({len(members)}), got {folds}",
            where="folds",
            todo="ask for fewer folds, or bring images of more patients",
        )
    counted = np.column_stack([np.ones(len(ids)), strata])
    tallies = np.array([counted[group].sum(axis=0) for group in members])
    home = share_out(tallies, np.full(folds, 1.0 / folds))
    fold_of = np.zeros(len(ids), np.int64)
    for group, fold in zip(members, home, strict=True):
        fold_of[group] = fold
    return [int(fold) for fold in fold_of]


def nested_folds(
    ids: Sequence[str],
    groups: Sequence[int],
    *,
    strata: NDArray[np.float64],
    folds: int,
    inner: int,
    seed: int,
) -> NestedFolds:
    """Folds to test on, and for each of them the rest divided into folds to choose settings on.

    What is chosen on the inner folds has not seen the outer fold that it is tested on (Varma and Simon 2006).

    Args:
        ids: As `assign_folds`, like `groups`, `strata` and `seed`.
        groups: n group numbers.
        strata: float64 [n, k].
        folds: Outer folds.
        inner: Inner folds.
        seed: Draws all of them.

    Raises:
        CohortError: There are fewer groups than folds, outside or in the rest of one.
    """
    outer = assign_folds(ids, groups, strata=strata, folds=folds, seed=seed)
    within: list[list[int | None]] = []
    for fold in range(folds):
        rest = [at for at, one in enumerate(outer) if one != fold]
        numbers = assign_folds(
            [ids[at] for at in rest],
            [groups[at] for at in rest],
            strata=strata[rest],
            folds=inner,
            seed=_seed_of(seed, fold),
        )
        of_image: list[int | None] = [None] * len(ids)
        for at, number in zip(rest, numbers, strict=True):
            of_image[at] = number
        within.append(of_image)
    return NestedFolds(outer, within)


def cohort_groups(cohort: Cohort, *, by: KeptWhole = "patient") -> list[int]:
    """Numbers of the groups of images that must stay together, in the order of the cohort's table.

    Images belong together that share a patient, a lesion or study, their bytes, or what they show
    (`Cohort.duplicates`); with `by` also those of one site, source or device. Copies are left out: they go
    where their origin goes.
    """
    columns = ["patient_id", "group_id", "sha256", *([] if by == "patient" else [by])]
    table = cohort.table(["image_id", *columns], copies=False)
    places = {one: at for at, one in enumerate(table["image_id"].to_pylist())}
    pairs = cohort.duplicates().select(["first", "second"]).to_pylist()
    same = [(places[pair["first"]], places[pair["second"]]) for pair in pairs]
    return connect(*(table[name].to_pylist() for name in columns), pairs=same)


def cohort_folds(
    cohort: Cohort,
    *,
    folds: int,
    inner: int | None = None,
    seed: int,
    by: KeptWhole = "patient",
    splits: Sequence[Split] = SPLITS,
) -> pa.Table:
    """Divide a cohort's images into folds that no patient, lesion, file or picture crosses.

    Args:
        cohort: Its own split is not asked, but for `splits`; copies are left out.
        folds: How many.
        inner: How many inner folds in the rest of each, for nested cross-validation.
        seed: Draws them.
        by: What stays whole beside patients; "site", "source" or "device" test on places never seen.
        splits: Images of other splits are left out.

    Returns:
        Sorted by image_id: `image_id`, `split`, `fold`, and with `inner` one column `inner_<fold>` an outer
        fold: the inner fold while that one is tested on, null for its own images.

    Raises:
        CohortError: There are fewer groups than folds.
    """
    table = cohort.table(["image_id", "target", "split"], copies=False)
    groups = cohort_groups(cohort, by=by)
    wanted = [at for at, split in enumerate(table["split"].to_pylist()) if split in splits]
    everything = table["image_id"].to_pylist()
    wanted.sort(key=everything.__getitem__)
    table = table.take(pa.array(wanted, pa.int64()))
    ids = table["image_id"].to_pylist()
    of_groups = [groups[at] for at in wanted]
    strata = _strata(table["target"].to_pylist(), len(cohort.classes))
    columns: dict[str, list[int] | list[int | None]]
    if inner is None:
        columns = {"fold": assign_folds(ids, of_groups, strata=strata, folds=folds, seed=seed)}
    else:
        nested = nested_folds(ids, of_groups, strata=strata, folds=folds, inner=inner, seed=seed)
        columns = {"fold": nested.outer}
        columns |= {f"inner_{fold}": numbers for fold, numbers in enumerate(nested.inner)}
    result = table.select(["image_id", "split"])
    for name, values in columns.items():
        result = result.append_column(pa.field(name, pa.int32()), pa.array(values, pa.int32()))
    return result


def count_folds(cohort: Cohort, folds: pa.Table) -> dict[str, dict[str, int]]:
    """Fold → class → images, of what `cohort_folds` gave."""
    table = cohort.table(["image_id", "target"], copies=False)
    fold_of = dict(zip(folds["image_id"].to_pylist(), folds["fold"].to_pylist(), strict=True))
    of_row = [fold_of.get(one) for one in table["image_id"].to_pylist()]
    return {
        str(fold): dict(
            count_classes(
                table.filter(pa.array([one == fold for one in of_row], pa.bool_())),
                cohort.classes,
                cohort.card.negative,
            )
        )
        for fold in sorted(set(fold_of.values()))
    }


def _strata(targets: Sequence[Sequence[float] | None], classes: int) -> NDArray[np.float64]:
    """What folds share out evenly: each class, the images without any, and those not labelled."""
    unknown = np.array([target is None for target in targets])
    stated = np.array([target if target is not None else [np.nan] * classes for target in targets])
    strata = stratum_columns(stated.astype(np.float32).reshape(len(targets), classes))
    strata[unknown] = 0.0
    return np.column_stack([strata, unknown])


def _seed_of(seed: int, fold: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}\0inner {fold}".encode()).digest()[:6], "big")
