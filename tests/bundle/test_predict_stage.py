from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from overread.bundle import Bundle, PredictStage, pack
from overread.errors import BundleError
from overread.imaging.quality import QualityLimits
from tests.bundle.conftest import encode, make_draft, make_pixels, network_bytes


def batch(**columns: list[object]) -> pa.RecordBatch:
    kinds = {"content": pa.binary(), "file": pa.binary(), "image_id": pa.string(), "uri": pa.string()}
    return pa.RecordBatch.from_pydict({name: pa.array(v, kinds[name]) for name, v in columns.items()})


def test_rows_carry_the_bundles_readings(bundle_path: Path, tmp_path: Path) -> None:
    content = encode(make_pixels(2))
    (tmp_path / "a.png").write_bytes(content)
    stage = PredictStage(bundle_path)
    rows = batch(image_id=["a", "b"], uri=[str(tmp_path / "a.png"), "gone"], content=[None, content])
    (result,) = stage(iter([rows]))
    assert result.schema.equals(stage.schema)
    wanted = Bundle.load(bundle_path).read([content])[0]
    for row in result.to_pylist():
        assert np.float32(row["score"][0]) == wanted.scores[0]
        assert np.float32(row["novelty"]) == np.float32(wanted.novelty)
        assert row["decision"] == wanted.decision
        assert row["sha256"] == wanted.sha256
        assert row["bundle"] == "skin@1.0.0"
        assert row["reject_reason"] is None


def test_every_row_comes_back_with_a_reading_or_a_reason(bundle_path: Path, tmp_path: Path) -> None:
    good = encode(make_pixels())
    contents = [good, good[:60], b"", b"text named .jpg", None, None, good]
    uris = ["u"] * 4 + [str(tmp_path / "gone.jpg"), None, "u"]
    names = [str(index) for index in range(7)]
    (result,) = PredictStage(bundle_path)(iter([batch(image_id=names, uri=uris, content=contents)]))
    rows = result.to_pylist()
    assert [row["image_id"] for row in rows] == names
    reasons = [row["reject_reason"] for row in rows]
    assert reasons == [None, "truncated", "empty", "not-an-image", "missing-file", "incomplete-row", None]
    for row in rows:
        read = row["reject_reason"] is None
        assert (row["score"] is not None) == read
        assert (row["reject_detail"] is not None) != read
        assert all((row[name] is not None) == read for name in ("decision", "novelty", "bundle", "sha256"))


def test_warnings_of_quality_are_told(preprocess_bytes: bytes, tmp_path: Path) -> None:
    limits = QualityLimits(images=9, shorter_side=30, dark=90.0, bright=200.0, sharpness=1.0)
    draft = make_draft(quality=limits)
    packed = pack(tmp_path / "limits", draft=draft, preprocess=preprocess_bytes, network=network_bytes())
    spoiled = encode(np.full((20, 40, 3), 10, np.uint8))
    rows = batch(
        image_id=["a", "b", "c"], uri=["a", "b", "c"], content=[encode(make_pixels()), spoiled, b"no image"]
    )
    (found,) = PredictStage(packed)(iter([rows]))
    assert found["quality"].to_pylist() == ["", "small, dark, blurred", None]


def test_content_column_may_be_missing(bundle_path: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encode(make_pixels()))
    (result,) = PredictStage(bundle_path)(iter([batch(image_id=["a"], uri=[str(tmp_path / "a.png")])]))
    assert result.column("decision")[0].is_valid


def test_opened_stage_is_small_when_sent_to_a_worker(bundle_path: Path) -> None:
    stage = PredictStage(bundle_path)
    rows = batch(image_id=["a"], uri=[None], content=[encode(make_pixels())])
    (first,) = stage(iter([rows]))
    sent = pickle.dumps(stage)
    assert len(sent) < 2000
    (second,) = pickle.loads(sent)(iter([rows]))
    assert first.equals(second)


def test_bundle_is_opened_once(bundle_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = PredictStage(bundle_path)
    rows = batch(image_id=["a"], uri=[None], content=[encode(make_pixels())])
    list(stage(iter([rows])))
    monkeypatch.setattr(Bundle, "load", None)
    list(stage(iter([rows, rows])))


def test_bundle_replaced_in_the_middle_is_an_error(bundle_path: Path) -> None:
    stage = PredictStage(bundle_path, digest="0" * 64)
    with pytest.raises(BundleError, match="was replaced"):
        list(stage(iter([])))


def test_path_that_no_file_can_have_is_a_reject(bundle_path: Path) -> None:
    (result,) = PredictStage(bundle_path)(iter([batch(image_id=["a", "b"], uri=["a\0b.jpg", "x" * 5000])]))
    assert result.column("reject_reason").to_pylist() == ["missing-file", "unreadable-file"]
