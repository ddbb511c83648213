from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from overread.cohort import IMAGE_SCHEMA, Cohort, IngestSettings, SplitShares, ingest
from overread.cohort.folds import assign_folds
from overread.cohort.split import connect
from overread.cohort.upsample import UpsamplingPlan, plan_upsampling
from overread.cohort.upsample_stage import UpsampleStage
from overread.engine import LocalEngine, list_parts
from overread.errors import CohortError
from overread.imaging import Augmentation, decode, sniff
from overread.imaging.variant import Variant
from tests.cohort.pictures import picture, write_table

DERMOSCOPY = Augmentation("dermoscopy")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """50 images of 25 patients, 12 malignant; a third PNG."""
    source = tmp_path_factory.mktemp("source")
    rows = []
    for at in range(50):
        name = f"{at:02d}." + ("png" if at % 3 == 0 else "jpg")
        (source / name).write_bytes(picture(at, kind="PNG" if at % 3 == 0 else "JPEG"))
        label = "malignant" if at // 2 % 4 == 0 else "benign"
        rows.append({"image": name, "patient_id": f"p{at // 2}", "label": label})
    write_table(source / "labels.csv", rows)
    settings = IngestSettings(
        positive="malignant", split=SplitShares(train=0.6, tune=0.2, test=0.2), near_duplicates=False
    )
    out = tmp_path_factory.mktemp("out") / "cohort"
    return ingest(source, out, settings=settings, engine=LocalEngine(1))


def plan_of(cohort: Cohort, *, seed: int = 0) -> UpsamplingPlan:
    table = cohort.table(["image_id", "target", "split"])
    return plan_upsampling(
        table["image_id"].to_pylist(),
        np.array(table["target"].to_pylist()),
        table["split"].to_pylist(),
        task=cohort.task,
        seed=seed,
    )


def run(
    cohort: Cohort, out: Path, *, workers: int = 1, rows_per_part: int = 64, **changes: object
) -> pa.Table:
    stage = UpsampleStage(plan_of(cohort), changes.get("augmentation", DERMOSCOPY))  # type: ignore[arg-type]
    LocalEngine(workers).run(stage, cohort.parts, out, key=stage.key, rows_per_part=rows_per_part)
    return pa.concat_tables(pq.read_table(path) for path in list_parts(out))


@pytest.fixture(scope="module")
def upsampled(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    return run(cohort, tmp_path_factory.mktemp("upsampled") / "out")


def test_workers_and_parts_change_nothing(cohort: Cohort, upsampled: pa.Table, tmp_path: Path) -> None:
    assert run(cohort, tmp_path / "a", rows_per_part=7).equals(upsampled)
    assert run(cohort, tmp_path / "b", workers=2, rows_per_part=16).equals(upsampled)


def test_what_came_in_leaves_as_it_was(cohort: Cohort, upsampled: pa.Table) -> None:
    kept = upsampled.filter(pa.array([copy == 0 for copy in upsampled["copy"].to_pylist()]))
    before = pa.concat_tables(pq.read_table(path) for path in cohort.parts)
    assert kept.select(IMAGE_SCHEMA.names).cast(IMAGE_SCHEMA).equals(before.cast(IMAGE_SCHEMA))
    assert kept["origin_id"].to_pylist() == kept["image_id"].to_pylist()
    assert set(kept["transform"].to_pylist()) == {None}


def test_classes_of_train_are_equal_and_other_splits_untouched(cohort: Cohort, upsampled: pa.Table) -> None:
    counts: Counter[tuple[str, float]] = Counter()
    for row in upsampled.select(["split", "target", "copy"]).to_pylist():
        counts[row["split"], row["target"][0]] += 1
        assert row["split"] == "train" or row["copy"] == 0
    assert counts["train", 1.0] == counts["train", 0.0]
    before = cohort.card.counts
    assert counts["train", 0.0] == before["train"]["benign"]
    for split in ("tune", "test"):
        assert counts[split, 1.0] == before[split]["malignant"]


def test_a_copy_keeps_all_but_its_pixels_and_says_where_it_is_from(upsampled: pa.Table) -> None:
    rows = upsampled.to_pylist()
    origins = {row["image_id"]: row for row in rows if row["copy"] == 0}
    copies = [row for row in rows if row["copy"]]
    assert copies
    assert len({row["image_id"] for row in rows}) == len(rows)
    for row in copies:
        origin = origins[row["origin_id"]]
        for name in (
            "patient_id",
            "group_id",
            "label",
            "target",
            "split",
            "uri",
            "width",
            "height",
            "media_type",
        ):
            assert row[name] == origin[name], name
        assert row["image_id"] == f"{row['origin_id']}#copy{row['copy']}"
        again = Variant.parse(row["transform"])(decode(origin["content"]))
        if row["media_type"] == "image/png":
            np.testing.assert_array_equal(decode(row["content"]), again)
        else:
            assert np.abs(decode(row["content"]).astype(int) - again).mean() < 3
        assert sniff(row["content"]) == row["media_type"]
        assert hashlib.sha256(row["content"]).hexdigest() == row["sha256"] != origin["sha256"]
        assert decode(row["content"]).shape == decode(origin["content"]).shape
    assert len({row["sha256"] for row in rows}) == len(rows)  # every copy another variant


def test_folds_keep_copies_with_their_origin(upsampled: pa.Table) -> None:
    groups = connect(upsampled["patient_id"].to_pylist(), upsampled["sha256"].to_pylist())
    ids = upsampled["image_id"].to_pylist()
    fold_of = dict(
        zip(ids, assign_folds(ids, groups, strata=np.ones((len(ids), 1)), folds=3, seed=0), strict=True)
    )
    assert all(
        fold_of[one] == fold_of[origin]
        for one, origin in zip(ids, upsampled["origin_id"].to_pylist(), strict=True)
    )


def test_without_augmentation_a_copy_is_the_same_file(cohort: Cohort, tmp_path: Path) -> None:
    rows = run(cohort, tmp_path / "out", augmentation=Augmentation("none")).to_pylist()
    origins = {row["image_id"]: row["content"] for row in rows if row["copy"] == 0}
    assert all(row["content"] == origins[row["origin_id"]] for row in rows)


def test_the_seed_draws_the_variants(cohort: Cohort) -> None:
    row = next(batch for batch in pq.ParquetFile(cohort.parts[0]).iter_batches(1))
    image_id = row["image_id"][0].as_py()
    if row["split"][0].as_py() != "train":
        row = row.set_column(row.schema.get_field_index("split"), "split", pa.array(["train"]))
    made = []
    for seed in (0, 0, 1):
        stage = UpsampleStage(UpsamplingPlan({image_id: 2}, seed, (), ()), DERMOSCOPY)
        made.append(pa.Table.from_batches(stage(iter([row])))["sha256"].to_pylist())
    assert made[0] == made[1]
    assert set(made[0]) & set(made[2]) == {made[0][0]}
    assert UpsampleStage(UpsamplingPlan({}, 0, (), ()), DERMOSCOPY).key != stage.key


def test_worn_copies_are_refused() -> None:
    with pytest.raises(ValueError, match="without wear"):
        UpsampleStage(UpsamplingPlan({}, 0, (), ()), Augmentation("dermoscopy", wear=0.5))


def test_an_embedded_file_that_is_no_image_is_named() -> None:
    row = {
        **dict.fromkeys(IMAGE_SCHEMA.names),
        "image_id": "a",
        "split": "train",
        "content": b"\xff\xd8\xff broken",
        "sha256": hashlib.sha256(b"\xff\xd8\xff broken").hexdigest(),
    }
    stage = UpsampleStage(UpsamplingPlan({"a": 1}, 0, (), ()), DERMOSCOPY)
    batch = pa.RecordBatch.from_pylist(
        [row], schema=pa.schema([field.with_nullable(True) for field in IMAGE_SCHEMA])
    )
    with pytest.raises(CohortError, match=r"image 'a': .*ingest the source again"):
        list(stage(iter([batch])))


def test_an_image_of_test_is_never_copied(cohort: Cohort, tmp_path: Path) -> None:
    table = cohort.table(["image_id"], split="test")
    stage = UpsampleStage(UpsamplingPlan({table["image_id"][0].as_py(): 1}, 0, (), ()), DERMOSCOPY)
    with pytest.raises(CohortError, match="expected only images of train to be copied, got test"):
        LocalEngine(1).run(stage, cohort.parts, tmp_path / "out", key="k")


def test_an_embedded_image_that_was_changed_is_not_copied() -> None:
    row = {
        **dict.fromkeys(IMAGE_SCHEMA.names),
        "image_id": "a",
        "split": "train",
        "content": b"x",
        "sha256": "0",
    }
    stage = UpsampleStage(UpsamplingPlan({"a": 1}, 0, (), ()), DERMOSCOPY)
    batch = pa.RecordBatch.from_pylist(
        [row], schema=pa.schema([field.with_nullable(True) for field in IMAGE_SCHEMA])
    )
    with pytest.raises(CohortError, match="image 'a': its bytes are not those"):
        list(stage(iter([batch])))
