from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from overread.cohort import Cohort, CohortCard, IngestSettings, SplitShares, ingest
from overread.cohort.flow import flow_of
from overread.engine import LocalEngine
from overread.errors import CohortError
from tests.cohort.pictures import write_class_folders


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    source = write_class_folders(folder / "skin", {"benign": 40, "malignant": 40})
    with pytest.MonkeyPatch.context() as patch:
        # Several parts, as of larger files.
        patch.setattr(import_module("overread.cohort.write_images"), "PART_BYTES", 0)
        ingest(source, folder / "cohort", settings=IngestSettings(), engine=LocalEngine(1))
    return folder / "cohort"


@pytest.fixture
def cohort(made: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(made, tmp_path / "cohort"))


def test_a_table_holds_the_columns_and_rows_asked_for(made: Path) -> None:
    loaded = Cohort.load(made)
    assert len(loaded.parts) == 2
    everything = loaded.table()
    assert everything.num_rows == 80
    assert "content" not in everything.column_names
    tune = loaded.table(["image_id", "target"], split="tune")
    assert tune.column_names == ["image_id", "target"]
    assert tune.num_rows == loaded.card.split_counts["tune"] == 16
    assert loaded.table(["target"]).schema.field("target").type == pa.list_(pa.float32())
    with pytest.raises(CohortError, match="has no column 'pixels'; it has image_id, patient_id"):
        loaded.table(["pixels"])


def test_images_come_in_the_order_asked_for(made: Path) -> None:
    loaded = Cohort.load(made)
    ids = ["malignant/039", "benign/000", "malignant/001"]
    images = loaded.images_of(ids)
    assert list(images) == ids
    assert all(content.startswith(b"\xff\xd8\xff") for content in images.values())
    with pytest.raises(CohortError, match="has no image 'x' and 1 more; ask for ids"):
        loaded.images_of(["benign/000", "x", "y"])


def test_reads_of_the_test_split_are_counted(cohort: Path) -> None:
    loaded = Cohort.load(cohort)
    assert loaded.record_test_read("skin@1") == 1
    assert loaded.record_test_read("skin@2") == 2
    assert [read["bundle"] for read in loaded.test_reads()] == ["skin@1", "skin@2"]
    file = cohort / "test_reads.jsonl"
    file.write_bytes(file.read_bytes()[:-20])  # as a crash would leave it
    assert Cohort.load(cohort).record_test_read("skin@3") == 3
    assert Cohort.load(cohort).test_reads()[-1]["bundle"] == "skin@3"


def _edit_card(**change: Any) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        said = json.loads((path / "cohort.json").read_text())
        (path / "cohort.json").write_text(json.dumps({**said, **change}))

    return edit


def _edit_part(column: str, value: Any) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        part = path / "images" / "part-00001.parquet"
        table = pq.read_table(part)
        rows = table.to_pylist()
        rows[3][column] = value
        pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), part)

    return edit


def _drop_column(path: Path) -> None:
    part = path / "images" / "part-00000.parquet"
    pq.write_table(pq.read_table(part).drop_columns(["sha256"]), part)


def _cut(name: str) -> Callable[[Path], None]:
    def cut(path: Path) -> None:
        (path / name).write_bytes((path / name).read_bytes()[:-10])

    return cut


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (
            lambda path: (path / "cohort.json").unlink(),
            r"there is no finished cohort here \(cohort.json is missing\)",
        ),
        (lambda path: (path / "cohort.json").write_text("{"), r"cohort.json: is no JSON"),
        (lambda path: (path / "cohort.json").write_text("[]"), r"cohort.json: .*valid dictionary"),
        (
            _edit_card(schema_version=1),
            r"cohort.json: expected schema version 2, got 1; use the Overread that made",
        ),
        (
            _edit_card(task="regression"),
            r"cohort.json: task: Input should be 'binary', 'multiclass' or 'multilabel'",
        ),
        (_edit_card(colour="red"), r"cohort.json: colour: Extra inputs are not permitted"),
        (_edit_card(images=81), r"images: expected 81 images as cohort.json says, got 80"),
        (_edit_card(rejected=3), r"rejects.parquet: expected 3 rejects"),
        (_edit_card(content_hash="00"), r"the images' table is not the one that the cohort was made with"),
        (_edit_part("split", "nowhere"), r"the images' table is not the one"),
        (_edit_part("target", [0.0]), r"the images' table is not the one"),
        (_edit_part("patient_id", "somebody"), r"the images' table is not the one"),
        (_drop_column, r"part-00000.parquet: lacks the column 'sha256'"),
        (lambda path: (path / "images" / "part-00000.parquet").unlink(), r"expected 80 images .*, got 16"),
        (_cut("images/part-00000.parquet"), r"part-00000.parquet: is damaged"),
        (_cut("rejects.parquet"), r"rejects.parquet: is damaged"),
        (
            lambda path: (path / "rejects.parquet").unlink(),
            r"rejects.parquet: is missing; ingest the source again",
        ),
    ],
)
def test_a_cohort_that_is_not_whole_is_one_sentence(
    cohort: Path, damage: Callable[[Path], None], said: str
) -> None:
    damage(cohort)
    with pytest.raises(CohortError, match=said) as caught:
        Cohort.load(cohort)
    assert "\n" not in str(caught.value)


def test_changed_bytes_are_noticed_when_they_are_asked_for(cohort: Path) -> None:
    _edit_part("content", b"other")(cohort)
    loaded = Cohort.load(cohort)
    changed = pq.read_table(loaded.parts[1])["image_id"][3].as_py()
    with pytest.raises(CohortError, match=r"its bytes are not those that the cohort was made with"):
        loaded.images_of([changed])


def test_the_card_survives_json() -> None:
    card = CohortCard(
        **{"name": "n", "task": "binary", "classes": ("a",), "negative": "b", "source": "s", "licence": ""},
        **dict.fromkeys(
            ("found", "read", "rejected", "ignored", "repeated", "images", "patients", "groups", "identical"),
            0,
        ),
        **{"patient_known": False, "counts": {"train": {"a": 1}}, "split_counts": {"train": 1}, "seed": 0},
        **{"split_given": False, "split_by": "patient", "leakage": (), "accepted_leakage": ("pixels",)},
        **{"near_duplicates": None, "flow": flow_of(3, [("empty", None)]), "columns": {"image": "file"}},
        **{"map": {}, "reject_reasons": {}, "embedded": True, "content_hash": "0"},
    )
    assert CohortCard.model_validate_json(card.to_json()) == card


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ({"train": 0.5}, "train \\+ tune \\+ test must be 1, got 0.9"),
        ({"train": 0, "tune": 0.5, "test": 0.5}, "train"),
        ({"tune": -0.2, "test": 0.6}, "tune"),
        ({"valid": 0.2}, "valid"),
    ],
)
def test_shares_that_make_no_split_are_refused(shares: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SplitShares(**{"train": 0.6, **shares})
