"""A cohort with copies: balanced, repeatable, and the same but for train."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from overread.cohort import Cohort, IngestSettings, SplitShares, augment, ingest
from overread.cohort.folds import cohort_folds, cohort_groups
from overread.cohort.schema import AUGMENTED_SCHEMA, IMAGE_SCHEMA
from overread.cohort.upsample_stage import UpsampleStage, encode
from overread.engine import LocalEngine
from overread.errors import CohortError, EngineError, UsageError
from overread.imaging import decode
from overread.imaging.variant import Variant
from tests.cohort.pictures import picture, write_table


def make_source(folder: Path, label: Callable[[int], str], count: int = 60) -> Path:
    """Images of half as many patients; a third PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for at in range(count):
        kind = "PNG" if at % 3 == 0 else "JPEG"
        name = f"{at:02d}.{'png' if at % 3 == 0 else 'jpg'}"
        (folder / name).write_bytes(picture(at, kind=kind))
        rows.append({"image": name, "patient_id": f"p{at // 2}", "label": label(at)})
    write_table(folder / "labels.csv", rows)
    return folder


def binary_label(at: int) -> str:
    return "malignant" if at // 2 % 4 == 0 else "benign"


def make_cohort(folder: Path, label: Callable[[int], str] = binary_label, **said: Any) -> Cohort:
    settings = IngestSettings(split=SplitShares(train=0.6, tune=0.2, test=0.2), near_duplicates=False, **said)
    source = make_source(folder / "source", label)
    return ingest(source, folder / "cohort", settings=settings, engine=LocalEngine(1))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return make_cohort(tmp_path_factory.mktemp("binary"), positive="malignant")


def augmented(cohort: Cohort, out: Path, **said: Any) -> Cohort:
    return augment(cohort, out, **{"engine": LocalEngine(1), "policy": "dermoscopy", **said})


@pytest.fixture(scope="module")
def made(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return augmented(cohort, tmp_path_factory.mktemp("made") / "augmented")


def whole(cohort: Cohort) -> pa.Table:
    return pa.concat_tables(
        pq.ParquetFile(part).read().replace_schema_metadata(None) for part in cohort.parts
    )


def shares(cohort: Cohort) -> np.ndarray:
    """The share of each class among the rows of train."""
    targets = np.array(cohort.table(["target"], split="train")["target"].to_pylist())
    return (np.column_stack([targets, 1 - targets]) if cohort.task == "binary" else targets).mean(0)


def test_train_is_balanced_and_the_card_says_how(cohort: Cohort, made: Cohort) -> None:
    np.testing.assert_allclose(shares(made), 0.5)
    card, before = made.card, cohort.card
    assert card.augmented is not None
    assert (card.found, card.read, card.rejected) == (before.found, before.read, before.rejected)
    assert card.found == card.read + card.rejected
    assert card.augmented.originals == before.images == card.read
    assert card.images == card.read + card.augmented.copies == made.table(["image_id"]).num_rows
    assert card.augmented.cohort_hash == before.content_hash != card.content_hash
    assert card.augmented.after == {"malignant": 0.5, "benign": 0.5}
    assert card.augmented.before["malignant"] == pytest.approx(shares(cohort)[0])
    assert card.counts["train"]["malignant"] == card.counts["train"]["benign"]
    assert card.without_copies == before.model_copy(
        update={"augmented": card.augmented, "content_hash": card.content_hash}
    )


def test_rows_that_are_no_copies_stand_as_they_were(cohort: Cohort, made: Cohort) -> None:
    rows = whole(made)
    kept = rows.filter(pc.equal(rows["copy"], 0))
    assert kept.select(IMAGE_SCHEMA.names).equals(whole(cohort))
    assert kept["origin_id"].to_pylist() == kept["image_id"].to_pylist()
    assert kept["transform"].null_count == kept.num_rows
    copies = rows.filter(pc.greater(rows["copy"], 0))
    assert set(copies["split"].to_pylist()) == {"train"}
    assert rows.schema.equals(AUGMENTED_SCHEMA)
    for name in ("rejects.parquet", "inputs.parquet", "duplicates.parquet"):
        assert (made.path / name).read_bytes() == (cohort.path / name).read_bytes()


def test_a_copy_can_be_made_again_from_what_is_said_of_it(cohort: Cohort, made: Cohort) -> None:
    rows = {row["image_id"]: row for row in whole(made).to_pylist()}
    copies = [row for row in rows.values() if row["copy"]]
    kinds = set()
    assert len({row["transform"] for row in copies}) == len(copies)
    for row in copies:
        origin = rows[row["origin_id"]]["content"]
        again = encode(Variant.parse(row["transform"])(decode(origin)), like=origin)
        assert again == row["content"]
        assert hashlib.sha256(again).hexdigest() == row["sha256"]
        kinds.add(row["media_type"])
    assert kinds == {"image/jpeg", "image/png"}
    assert list(made.images_of([copies[0]["image_id"]]).values()) == [copies[0]["content"]]


def test_parts_workers_and_the_order_of_images_change_nothing(
    cohort: Cohort, made: Cohort, tmp_path: Path
) -> None:
    expected = whole(made)
    for workers, rows in ((1, 7), (2, None)):
        again = augmented(
            cohort, tmp_path / f"{workers}-{rows}", engine=LocalEngine(workers), rows_per_part=rows
        )
        assert whole(again).equals(expected)
        assert again.card == made.card
        if rows is None:
            same = [part.read_bytes() for part in again.parts]
            assert same == [part.read_bytes() for part in made.parts]
    shuffled = Cohort(cohort.path, cohort.card, [_reversed(cohort, tmp_path / "shuffled.parquet")])
    other = augmented(shuffled, tmp_path / "other")
    assert other.card.content_hash == made.card.content_hash
    by_id = [("image_id", "ascending")]
    assert whole(other).sort_by(by_id).equals(expected.sort_by(by_id))


def _reversed(cohort: Cohort, path: Path) -> Path:
    table = whole(cohort)
    pq.write_table(table.take(pa.array(range(table.num_rows - 1, -1, -1))), path)
    return path


def test_the_seed_the_policy_and_the_transforms_change_the_copies(
    cohort: Cohort, made: Cohort, tmp_path: Path
) -> None:
    hashes = {made.card.content_hash}
    for at, said in enumerate(
        ({"seed": 1}, {"policy": "chest"}, {"transforms": ["flip"]}, {"strength": 0.5}, {"policy": "none"})
    ):
        other = augmented(cohort, tmp_path / str(at), **said)
        hashes.add(other.card.content_hash)
        words = {word for word in other.table(["transform"])["transform"].to_pylist() if word}
        if "transforms" in said:
            assert {part for word in words for part in word.split("; ")} == {
                "flip horizontal",
                "flip vertical",
            }
        if said.get("policy") == "none":
            assert words == {"unchanged"}
    assert len(hashes) == 6


@pytest.mark.parametrize("share", ["equal", 0.3])
@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_every_class_of_several_reaches_its_share(task: str, share: Any, tmp_path: Path) -> None:
    if task == "multiclass":
        cohort = make_cohort(tmp_path, lambda at: ("a", "b", "c")[min(at // 2 % 5, 2)])
    else:
        labels = ("A|B|C", "B", "", "A", "C|B", "", "B", "B")
        cohort = make_cohort(tmp_path, lambda at: labels[at // 2 % 8], task=task)
    made = augmented(cohort, tmp_path / "made", share=share, policy="none")
    reached = shares(made)
    wanted = shares(cohort).max() if task == "multilabel" and share == "equal" else share
    wanted = 1 / 3 if task == "multiclass" and share == "equal" else wanted
    assert reached.min() > wanted - 0.01
    assert made.card.augmented is not None
    np.testing.assert_allclose(list(made.card.augmented.after.values()), reached, atol=1e-9)
    assert list(made.card.augmented.after) == list(cohort.classes)


def test_images_without_a_label_are_kept_and_not_copied(tmp_path: Path) -> None:
    cohort = make_cohort(
        tmp_path, lambda at: "" if at % 10 == 9 else ("A|B", "B", "B")[at // 2 % 3], task="multilabel"
    )
    made = augmented(cohort, tmp_path / "made", policy="none")
    copied = made.table().filter(pc.greater(made.table()["copy"], 0))
    assert copied.num_rows
    assert None not in copied["target"].to_pylist()
    assert made.card.without_copies.images == cohort.card.images


def test_the_same_call_returns_at_once_and_another_begins_anew(cohort: Cohort, tmp_path: Path) -> None:
    made = augmented(cohort, tmp_path / "out", policy="none")
    before = {path: path.stat().st_mtime_ns for path in made.path.rglob("*")}
    again = augmented(cohort, tmp_path / "out", policy="none", engine=_NoEngine())
    assert again.card == made.card
    assert {path: path.stat().st_mtime_ns for path in made.path.rglob("*")} == before
    other = augmented(cohort, tmp_path / "out", policy="none", share=0.4)
    assert other.card.images < made.card.images
    shutil.rmtree(tmp_path / "out" / "images")
    assert augmented(cohort, tmp_path / "out", policy="none", share=0.4).card == other.card


class _NoEngine(LocalEngine):
    def __init__(self) -> None:
        super().__init__(1)

    def run(self, *_: Any, **__: Any) -> Path:
        raise AssertionError("nothing was to be done")


def test_an_interrupted_call_goes_on_and_ends_as_if_it_had_not_been(
    cohort: Cohort, made: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []
    expand = UpsampleStage._rows

    def failing(stage: UpsampleStage, row: dict[str, Any]) -> Any:
        called.append(row["image_id"])
        if len(called) > 30:
            raise OSError("the power is gone")
        return expand(stage, row)

    monkeypatch.setattr(UpsampleStage, "_rows", failing)
    with pytest.raises(EngineError, match="the power is gone"):
        augmented(cohort, tmp_path / "out", rows_per_part=10)
    with pytest.raises(CohortError, match="no finished cohort"):
        Cohort.load(tmp_path / "out")
    first = set(called[:30])
    called.clear()
    monkeypatch.setattr(
        UpsampleStage, "_rows", lambda stage, row: called.append(row["image_id"]) or expand(stage, row)
    )
    again = augmented(cohort, tmp_path / "out", rows_per_part=10)
    assert whole(again).equals(whole(made))
    assert not first & set(called)
    assert sorted(path.name for path in again.path.iterdir()) == sorted(
        ["augment.json", "cohort.json", "duplicates.parquet", "images", "inputs.parquet", "rejects.parquet"]
    )


def test_a_card_that_could_not_be_put_in_place_is_put_there_next_time(
    cohort: Cohort, made: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["overread.cohort.augment"], "_carry_test_reads", stop)
    with pytest.raises(KeyboardInterrupt):
        augmented(cohort, tmp_path / "out")
    monkeypatch.undo()
    assert augmented(cohort, tmp_path / "out", engine=_NoEngine()).card == made.card


def test_a_cohort_that_points_at_its_images_is_augmented_with_copies_inside(tmp_path: Path) -> None:
    cohort = make_cohort(tmp_path, positive="malignant", embed=False)
    made = augmented(cohort, tmp_path / "made", policy="none")
    rows = whole(made).to_pylist()
    assert all((row["content"] is None) == (row["copy"] == 0) for row in rows)
    copy = next(row for row in rows if row["copy"])
    assert made.images_of([copy["image_id"], copy["origin_id"]]) == {
        copy["image_id"]: copy["content"],
        copy["origin_id"]: copy["content"],
    }


@pytest.mark.parametrize("what", ["gone", "changed"])
def test_an_image_that_is_gone_or_changed_stops_it_in_a_sentence(what: str, tmp_path: Path) -> None:
    cohort = make_cohort(tmp_path, positive="malignant", embed=False)
    table = cohort.table(["uri", "target"], split="train")
    file = next(row["uri"] for row in table.to_pylist() if row["target"] == [1.0])
    Path(file).write_bytes(b"other") if what == "changed" else Path(file).unlink()
    expected = "bring it back" if what == "gone" else "bytes are not those"
    with pytest.raises(CohortError, match=expected) as caught:
        augmented(cohort, tmp_path / "made")
    assert f"image '{Path(file).stem}'" in str(caught.value)
    assert not (tmp_path / "made" / "cohort.json").exists()


def test_test_was_read_as_often_as_before(cohort: Cohort, made: Cohort, tmp_path: Path) -> None:
    source = tmp_path / "read"
    shutil.copytree(cohort.path, source)
    Cohort.load(source).record_test_read("a@1")
    copied = augmented(Cohort.load(source), tmp_path / "out", policy="none")
    assert [read["bundle"] for read in copied.test_reads()] == ["a@1"]
    assert copied.record_test_read("b@1") == 2
    assert made.test_reads() == []


def test_copies_are_in_no_fold_and_no_group(cohort: Cohort, made: Cohort) -> None:
    assert cohort_groups(made) == cohort_groups(cohort)
    assert cohort_folds(made, folds=3, seed=0).equals(cohort_folds(cohort, folds=3, seed=0))
    assert made.measurements().equals(cohort.measurements())
    assert made.table(["image_id"], copies=False).equals(cohort.table(["image_id"]))
    assert cohort.table(["image_id"], copies=False).equals(cohort.table(["image_id"]))


def test_a_changed_copy_or_a_changed_word_is_noticed(made: Cohort, tmp_path: Path) -> None:
    for name, value in (("transform", "unchanged"), ("copy", 0), ("origin_id", "other")):
        broken = tmp_path / name
        shutil.copytree(made.path, broken)
        part = broken / "images" / made.parts[0].name
        table = pq.ParquetFile(part).read()
        at = table.schema.get_field_index(name)
        field = AUGMENTED_SCHEMA.field(name)
        column = table[name].to_pylist()
        column[next(i for i, copy in enumerate(table["copy"].to_pylist()) if copy)] = value
        pq.write_table(table.set_column(at, field, pa.array(column, field.type)), part)
        with pytest.raises(CohortError, match="not the one that the cohort was made with"):
            Cohort.load(broken)


def test_what_cannot_be_is_refused(cohort: Cohort, made: Cohort, tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="has copies already"):
        augmented(made, tmp_path / "again")
    with pytest.raises(CohortError, match="would stand in the one that it is made from"):
        augmented(cohort, cohort.path / "inside")
    with pytest.raises(CohortError, match="at most 1 / 2"):
        augmented(cohort, tmp_path / "out", share=0.6)
    with pytest.raises(UsageError, match="never flips"):
        augmented(cohort, tmp_path / "out", policy="chest", transforms=["flip"])
    with pytest.raises(UsageError, match="strength"):
        augmented(cohort, tmp_path / "out", strength=7)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("x")
    with pytest.raises(CohortError, match="no augmented cohort"):
        augmented(cohort, tmp_path / "mine")
    with pytest.raises(CohortError, match="no augmented cohort"):
        augmented(cohort, make_cohort(tmp_path / "other", positive="malignant").path)
    settings = IngestSettings(positive="malignant", near_duplicates=False)
    overwritten = augmented(cohort, tmp_path / "overwritten", policy="none").path
    ingest(cohort.path.parent / "source", overwritten, settings=settings, engine=LocalEngine(1))
    with pytest.raises(CohortError, match="no augmented cohort"):
        augmented(cohort, overwritten, policy="none")
    assert (tmp_path / "mine" / "letter.txt").exists()
    assert json.loads((tmp_path / "other" / "cohort" / "cohort.json").read_text())["augmented"] is None
