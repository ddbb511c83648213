from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from typer import Typer
from typer.testing import CliRunner

from overread.cli.folds import register
from overread.cohort import Cohort, IngestSettings, ingest
from overread.cohort.folds import assign_folds, cohort_folds, cohort_groups, nested_folds
from overread.engine import LocalEngine
from overread.errors import CohortError
from overread.imaging import decode
from tests.cohort.pictures import picture, write_table


def sides(groups: list[int], numbers: list[int | None]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for group, number in zip(groups, numbers, strict=True):
        if number is not None:
            found.setdefault(group, set()).add(number)
    return found


@settings(max_examples=100)
@given(st.integers(10, 60), st.integers(2, 5), st.integers(0, 2**32 - 1), st.randoms(use_true_random=False))
def test_folds_keep_groups_whole_and_do_not_depend_on_the_order(
    groups: int, folds: int, seed: int, random: object
) -> None:
    rng = np.random.default_rng(seed)
    of_image = [*range(groups), *rng.integers(0, groups, groups).tolist()]
    strata = (rng.random((2 * groups, 3)) < [0.5, 0.3, 0.2]).astype(float)
    ids = [f"{at}" for at in range(2 * groups)]
    numbers = assign_folds(ids, of_image, strata=strata, folds=folds, seed=seed)
    assert set(numbers) == set(range(folds))
    assert all(len(one) == 1 for one in sides(of_image, numbers).values())
    order = list(range(2 * groups))
    random.shuffle(order)  # type: ignore[attr-defined]
    again = assign_folds(
        [ids[at] for at in order],
        [of_image[at] for at in order],
        strata=strata[order],
        folds=folds,
        seed=seed,
    )
    assert [numbers[at] for at in order] == again


def test_every_class_has_its_share_in_every_fold() -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 400, 1000).tolist()
    strata = (rng.random((1000, 4)) < [0.4, 0.2, 0.1, 0.03]).astype(float)
    numbers = np.array(assign_folds([f"{at}" for at in range(1000)], groups, strata=strata, folds=5, seed=0))
    for fold in range(5):
        np.testing.assert_allclose(strata[numbers == fold].sum(0) / strata.sum(0), 0.2, atol=0.02)


def test_another_seed_makes_other_folds_and_the_same_seed_the_same() -> None:
    def folds(seed: int) -> list[int]:
        ids = [f"{at}" for at in range(40)]
        return assign_folds(ids, list(range(40)), strata=np.ones((40, 1)), folds=4, seed=seed)

    assert folds(0) == folds(0)
    assert folds(0) != folds(1)


def test_more_folds_than_groups_are_refused() -> None:
    with pytest.raises(CohortError, match=r"as many as there are groups of images \(2\), got 3"):
        assign_folds(list("abc"), [0, 0, 1], strata=np.ones((3, 1)), folds=3, seed=0)


def test_inner_folds_divide_what_the_outer_fold_leaves() -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 80, 300).tolist()
    strata = (rng.random((300, 2)) < [0.5, 0.2]).astype(float)
    nested = nested_folds([f"{at}" for at in range(300)], groups, strata=strata, folds=4, inner=3, seed=0)
    assert len(nested.inner) == 4
    for fold, numbers in enumerate(nested.inner):
        assert [number is None for number in numbers] == [one == fold for one in nested.outer]
        assert all(len(one) == 1 for one in sides(groups, numbers).values())
        here = np.array([-1 if number is None else number for number in numbers])
        rest = strata[here >= 0].sum(0)
        for inner in range(3):
            np.testing.assert_allclose(strata[here == inner].sum(0) / rest, 1 / 3, atol=0.03)
    assert nested.inner[0] != nested.inner[1]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """60 images of 30 patients, two of whom share a file, and two a picture; 6 sites."""
    source = tmp_path_factory.mktemp("source")
    rows = []
    for at in range(60):
        name = f"{at:02d}.png"
        (source / name).write_bytes(picture(3 if at == 8 else at))
        if at == 21:
            Image.fromarray(decode(picture(35))).save(source / name)
        patient = at // 2
        rows.append(
            {
                "image": name,
                "patient_id": f"p{patient}",
                "label": "malignant" if patient % 3 == 0 or at == 8 else "benign",
                "site": f"site {patient % 6}",
            }
        )
    rows[3]["label"] = rows[8]["label"]
    write_table(source / "labels.csv", rows)
    return ingest(
        source,
        tmp_path_factory.mktemp("out") / "cohort",
        settings=IngestSettings(positive="malignant", accept_leakage=("near-duplicate",)),
        engine=LocalEngine(1),
    )


def test_no_patient_and_no_file_of_a_cohort_crosses_folds(cohort: Cohort) -> None:
    table = cohort_folds(cohort, folds=5, seed=0)
    assert table.column_names == ["image_id", "split", "fold"]
    ids = table["image_id"].to_pylist()
    assert ids == sorted(cohort.table(["image_id"])["image_id"].to_pylist())
    fold_of = dict(zip(ids, table["fold"].to_pylist(), strict=True))
    patients: dict[str, set[int]] = {}
    for row in cohort.table(["image_id", "patient_id", "sha256"]).to_pylist():
        for key in (row["patient_id"], row["sha256"]):
            patients.setdefault(key, set()).add(fold_of[row["image_id"]])
    assert all(len(one) == 1 for one in patients.values())
    assert sorted(Counter(fold_of.values()).values()) == [12] * 5
    assert fold_of["21"] == fold_of["35"]
    assert len(set(cohort_groups(cohort))) <= 28


def test_folds_by_site_keep_sites_whole(cohort: Cohort) -> None:
    table = cohort_folds(cohort, folds=3, seed=0, by="site")
    fold_of = dict(zip(table["image_id"].to_pylist(), table["fold"].to_pylist(), strict=True))
    of_site: dict[str, set[int]] = {}
    for row in cohort.table(["image_id", "site"]).to_pylist():
        of_site.setdefault(row["site"], set()).add(fold_of[row["image_id"]])
    assert all(len(one) == 1 for one in of_site.values())


def test_folds_of_some_splits_leave_the_others_out(cohort: Cohort) -> None:
    table = cohort_folds(cohort, folds=3, inner=2, seed=0, splits=("train", "tune"))
    assert set(table["split"].to_pylist()) == {"train", "tune"}
    assert table.column_names[3:] == ["inner_0", "inner_1", "inner_2"]


def test_the_command_writes_the_same_folds_as_csv_and_parquet(cohort: Cohort, tmp_path: Path) -> None:
    app = Typer()
    app.callback()(lambda: None)
    register(app)
    out = {}
    for suffix in ("csv", "parquet"):
        path = tmp_path / f"folds.{suffix}"
        said = CliRunner().invoke(
            app, ["folds", str(cohort.path), "-k", "3", "--inner", "2", "-o", str(path), "--json"]
        )
        assert said.exit_code == 0, said.output
        out[suffix] = json.loads(said.output)
    counts = out["csv"]["counts"]
    assert sum(sum(of.values()) for of in counts.values()) == 60
    assert all(counts[fold].keys() == {"malignant", "benign"} for fold in "012")
    written = pq.read_table(tmp_path / "folds.parquet")
    assert written.equals(cohort_folds(cohort, folds=3, inner=2, seed=0))
    as_text = csv.ConvertOptions(column_types={"image_id": pa.string()})
    read = csv.read_csv(tmp_path / "folds.csv", convert_options=as_text)
    assert read.to_pydict() == written.to_pydict()
    refused = CliRunner().invoke(app, ["folds", str(cohort.path), "-o", "folds.txt"])
    assert "ends with .csv or .parquet" in str(refused.exception)
    refused = CliRunner().invoke(app, ["folds", str(cohort.path), "--split", "valid", "-o", "folds.csv"])
    assert "there is no split 'valid'; write one of train, tune, test" in str(refused.exception)
