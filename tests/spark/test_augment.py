"""An augmented cohort is the same whoever made it: locally, on Spark, in one part or in many."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from overread.cohort import Cohort
from overread.cohort.schema import AUGMENTED_SCHEMA
from overread.cohort.upsample import plan_upsampling
from overread.cohort.upsample_stage import UpsampleStage
from overread.engine import LocalEngine
from overread.engine.spark import SparkEngine
from overread.errors import CohortError, EngineError
from overread.imaging import Augmentation
from tests.cohort.test_augment import augmented, make_cohort, shares, whole

pytestmark = pytest.mark.spark
ROWS = {1: 64, 2: 30, 7: 9}
"""Parts → images a part, of 60 images."""


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return make_cohort(tmp_path_factory.mktemp("binary"), positive="malignant")


@pytest.fixture(scope="module")
def expected(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Cohort]:
    """By number of parts, as LocalEngine(1) makes it."""
    out = tmp_path_factory.mktemp("expected")
    return {parts: augmented(cohort, out / str(parts), rows_per_part=rows) for parts, rows in ROWS.items()}


def files_of(cohort: Cohort) -> dict[str, str]:
    """Every file of a cohort and the hash of its bytes."""
    return {
        str(path.relative_to(cohort.path)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(cohort.path.rglob("*"))
        if path.is_file() and path.name != "augment.json"
    }


@pytest.mark.parametrize("parts", ROWS)
def test_spark_writes_the_bytes_that_one_local_worker_writes(
    parts: int,
    cohort: Cohort,
    expected: dict[int, Cohort],
    spark_engine: SparkEngine,
    tmp_path: Path,
) -> None:
    made = augmented(cohort, tmp_path / "out", engine=spark_engine, rows_per_part=ROWS[parts])
    assert len(made.parts) == parts
    assert files_of(made) == files_of(expected[parts])
    assert whole(made).equals(whole(expected[1]))
    assert made.card == expected[1].card
    assert shares(made).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("partitions", [1, 2, 7])
def test_a_data_frame_in_any_number_of_partitions_has_the_same_copies(
    partitions: int, cohort: Cohort, expected: dict[int, Cohort], spark_engine: SparkEngine
) -> None:
    table = cohort.table(["image_id", "target", "split"])
    ids, targets, splits = (table[name].to_pylist() for name in ("image_id", "target", "split"))
    plan = plan_upsampling(ids, targets, splits, task="binary", seed=0)
    stage = UpsampleStage(plan, Augmentation("dermoscopy"))
    # Shared out anew, the rows come in another order and beside others.
    frame = spark_engine.session.read.parquet(*map(str, cohort.parts)).repartition(partitions)
    found = spark_engine.apply(stage, frame)
    assert found.rdd.getNumPartitions() == partitions
    rows = found.toArrow().select(AUGMENTED_SCHEMA.names)
    by_id = [("image_id", "ascending")]
    assert rows.sort_by(by_id).to_pylist() == whole(expected[1]).sort_by(by_id).to_pylist()


def test_spark_goes_on_where_the_local_engine_was_stopped(
    cohort: Cohort,
    expected: dict[int, Cohort],
    spark_engine: SparkEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expand, seen = UpsampleStage._rows, []

    def failing(stage: UpsampleStage, row: dict[str, Any]) -> Any:
        seen.append(row["image_id"])
        if len(seen) > 25:
            raise OSError("the power is gone")
        return expand(stage, row)

    monkeypatch.setattr(UpsampleStage, "_rows", failing)
    with pytest.raises(EngineError, match="the power is gone"):
        augmented(cohort, tmp_path / "out", engine=LocalEngine(1), rows_per_part=ROWS[7])
    monkeypatch.undo()
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("part-*.parquet")}
    assert len(kept) == 2
    made = augmented(cohort, tmp_path / "out", engine=spark_engine, rows_per_part=ROWS[7])
    assert files_of(made) == files_of(expected[7])
    again = {part.name: part.stat().st_mtime_ns for part in made.parts}
    assert all(again[path.name] == when for path, when in kept.items())


def test_an_image_that_is_gone_stops_it_on_spark_in_the_same_sentence(
    spark_engine: SparkEngine, tmp_path: Path
) -> None:
    cohort = make_cohort(tmp_path, positive="malignant", embed=False)
    table = cohort.table(["uri", "target"], split="train")
    rare = table.filter(pc.equal(pc.list_element(table["target"], 0), pa.scalar(1.0, pa.float32())))
    Path(rare["uri"][0].as_py()).unlink()
    said = []
    for engine in (LocalEngine(1), spark_engine):
        with pytest.raises(CohortError, match="there is no such file") as caught:
            augmented(cohort, tmp_path / f"made-{len(said)}", engine=engine)
        said.append(str(caught.value))
    assert said[0] == said[1]
