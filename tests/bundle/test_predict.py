from __future__ import annotations

import csv
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from overread.bundle import Bundle, OperatingPoint, PredictStage, TriageRule, pack, predict
from overread.engine import LocalEngine
from overread.errors import UsageError
from tests.bundle.conftest import encode, make_draft, make_pixels, network_bytes

ONE = LocalEngine(workers=1)


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def mixed(image_folder: Callable[..., Path]) -> Path:
    """Five images and three that are none."""
    folder = image_folder(5)
    (folder / "zz-text.jpg").write_text("text")
    (folder / "03b-cut.png").write_bytes((folder / "03.png").read_bytes()[:90])
    (folder / "zero.png").touch()
    return folder


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_every_image_is_accounted_for(bundle_path: Path, mixed: Path, tmp_path: Path, ending: str) -> None:
    out = tmp_path / "made" / f"readings.{ending}"
    summary = predict(bundle_path, [mixed], out, engine=ONE)
    assert (summary.found, summary.read, summary.rejected) == (8, 5, 3)
    assert sum(summary.decisions.values()) == 5
    rejects = pq.read_table(summary.rejects).to_pylist()
    assert summary.rejects == tmp_path / "made" / "readings.rejects.parquet"
    assert {(row["image_id"], row["reason"]) for row in rejects} == {
        ("03b-cut", "truncated"),
        ("zero", "empty"),
        ("zz-text", "not-an-image"),
    }
    assert sorted(path.name for path in out.parent.iterdir()) == sorted([out.name, summary.rejects.name])


def test_csv_and_parquet_hold_the_bundles_own_numbers(bundle_path: Path, mixed: Path, tmp_path: Path) -> None:
    predict(bundle_path, [mixed], tmp_path / "r.csv", engine=ONE)
    predict(bundle_path, [mixed], tmp_path / "r.parquet", engine=ONE)
    bundle = Bundle.load(bundle_path)
    in_csv, in_parquet = read_csv(tmp_path / "r.csv"), pq.read_table(tmp_path / "r.parquet").to_pylist()
    assert [row["image_id"] for row in in_csv] == ["00", "01", "02", "03", "04"]
    assert list(in_csv[0]) == [
        "image_id", "uri", "score.malignant", "decision", "operating_point", "novelty", "bundle", "sha256",
        "metadata_missing", "reason", "quality",
    ]  # fmt: skip
    assert {row["metadata_missing"] for row in in_csv} == {""}
    assert {row["metadata_missing"] for row in in_parquet} == {None}
    for one, other in zip(in_csv, in_parquet, strict=True):
        reading = bundle.read([Path(one["uri"])])[0]
        assert np.float32(one["score.malignant"]) == np.float32(other["score"][0]) == reading.scores[0]
        assert np.float32(one["novelty"]) == np.float32(other["novelty"]) == np.float32(reading.novelty)
        assert one["decision"] == other["decision"] == reading.decision
        assert one["sha256"] == other["sha256"] == reading.sha256
        assert (one["reason"] or None) == other["reason"] == reading.reason
        assert (reading.reason is None) == (reading.decision != "cannot-assess")


def test_workers_do_not_change_a_byte(
    bundle_path: Path, image_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = image_folder(130)
    for workers in (1, 2):
        predict(bundle_path, [folder], tmp_path / f"{workers}.parquet", engine=LocalEngine(workers=workers))
    assert (tmp_path / "1.parquet").read_bytes() == (tmp_path / "2.parquet").read_bytes()


class Killed(BaseException):
    pass


def test_interrupted_run_goes_on_and_ends_the_same(
    bundle_path: Path, image_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = image_folder(150), tmp_path / "r.csv"
    predict(bundle_path, [folder], tmp_path / "whole.csv", engine=ONE)
    read: list[str] = []
    original = Bundle.read_one

    def counting(self: Bundle, image: object, *, where: str, **known: object) -> object:
        read.append(where)
        if len(read) == 100:
            raise Killed
        return original(self, image, where=where, **known)  # type: ignore[arg-type]

    monkeypatch.setattr(Bundle, "read_one", counting)
    with pytest.raises(Killed):
        predict(bundle_path, [folder], out, engine=ONE)
    assert not out.exists()
    predict(bundle_path, [folder], out, engine=ONE)
    assert len(read) == 100 + 150 - 64  # the first part was kept
    assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert not list(tmp_path.glob(".*"))


def test_image_changed_between_two_tries_is_read_again(
    bundle_path: Path, image_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = image_folder(3), tmp_path / "r.csv"

    def killed(*arguments: object, **settings: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["overread.bundle.predict"], "_publish", killed)
        with pytest.raises(Killed):
            predict(bundle_path, [folder], out, engine=ONE)
    content = encode(make_pixels(77))
    (folder / "01.png").write_bytes(content)
    predict(bundle_path, [folder], out, engine=ONE)
    assert read_csv(out)[1]["sha256"] == Bundle.load(bundle_path).read([content])[0].sha256


def test_names_that_break_naive_csv_survive(bundle_path: Path, tmp_path: Path) -> None:
    names = ['a,b"c', "line\nbreak", "ümlaut é", "=1+1", "@cmd", "-7", "+x"]
    table = tmp_path / "in.parquet"
    content = encode(make_pixels())
    uris = pa.nulls(len(names), pa.string())
    pq.write_table(pa.table({"image_id": names, "uri": uris, "content": [content] * len(names)}), table)
    predict(bundle_path, [table], tmp_path / "r.csv", engine=ONE)
    predict(bundle_path, [table], tmp_path / "r.parquet", engine=ONE)
    in_csv = [row["image_id"] for row in read_csv(tmp_path / "r.csv")]
    assert in_csv == ['a,b"c', "line\nbreak", "ümlaut é", "'=1+1", "'@cmd", "-7", "'+x"]
    assert pq.read_table(tmp_path / "r.parquet")["image_id"].to_pylist() == names


def test_file_name_that_is_no_utf8_is_read(bundle_path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.png")).write_bytes(encode(make_pixels()))
    assert predict(bundle_path, [folder], tmp_path / "r.csv", engine=ONE).read == 1
    assert read_csv(tmp_path / "r.csv")[0]["image_id"] == "caf\\xe9"


def test_every_class_has_its_column(tmp_path: Path, preprocess_bytes: bytes, mixed: Path) -> None:
    draft = make_draft(
        task="multilabel",
        classes=("edema", "mass, large"),
        operating_points=(OperatingPoint(name="p", class_name="edema", threshold=0.5, rule="r"),),
        triage=TriageRule(urgent=("edema",), novelty_threshold=5),
    )
    path = pack(tmp_path / "chest", draft=draft, preprocess=preprocess_bytes, network=network_bytes(2))
    predict(path, [mixed], tmp_path / "r.csv", engine=ONE)
    row = read_csv(tmp_path / "r.csv")[0]
    reading = Bundle.load(path).read([Path(row["uri"])])[0]
    assert [np.float32(row[f"score.{name}"]) for name in draft.classes] == list(reading.scores)


def test_nothing_readable_still_gives_both_tables(bundle_path: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    for ending in ("csv", "parquet"):
        summary = predict(bundle_path, [tmp_path / "a.jpg"], tmp_path / f"r.{ending}", engine=ONE)
        assert (summary.found, summary.read, summary.rejected) == (1, 0, 1)
    assert (tmp_path / "r.csv").read_text().count("\n") == 1
    assert pq.read_table(tmp_path / "r.parquet").num_rows == 0


def test_rejects_of_an_earlier_run_do_not_stay(bundle_path: Path, mixed: Path, tmp_path: Path) -> None:
    predict(bundle_path, [mixed], tmp_path / "r.csv", engine=ONE)
    summary = predict(bundle_path, [mixed / "00.png"], tmp_path / "r.csv", engine=ONE)
    assert pq.read_table(summary.rejects).num_rows == 0


@pytest.mark.parametrize("step", range(4))
def test_killed_while_publishing_leaves_no_litter(
    bundle_path: Path, mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    folder = tmp_path / "out"
    predict(bundle_path, [mixed], tmp_path / "whole.csv", engine=ONE)
    predict(bundle_path, [mixed], folder / "r.csv", engine=ONE)  # what the second run replaces
    (mixed / "zero.png").unlink()
    calls, replace = iter(range(100)), Path.replace

    def killed(self: Path, target: Path) -> Path:
        if self.parent.name == ".r.csv.work" and next(calls) == step:
            raise Killed
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(Killed):
            predict(bundle_path, [mixed], folder / "r.csv", engine=ONE)
    assert (folder / "r.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    summary = predict(bundle_path, [mixed], folder / "r.csv", engine=ONE)
    assert (summary.found, summary.rejected) == (7, 2)
    assert sorted(path.name for path in folder.iterdir()) == ["r.csv", "r.rejects.parquet"]


def test_parts_of_another_bundle_are_not_kept(
    bundle_path: Path, mixed: Path, tmp_path: Path, preprocess_bytes: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "r.csv"

    def killed(*arguments: object, **settings: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["overread.bundle.predict"], "_publish", killed)
        with pytest.raises(Killed):
            predict(bundle_path, [mixed], out, engine=ONE)
    pack(
        bundle_path, draft=make_draft(version="2"), preprocess=preprocess_bytes, network=network_bytes(seed=1)
    )
    predict(bundle_path, [mixed], out, engine=ONE)
    assert {row["bundle"] for row in read_csv(out)} == {"skin@2"}


@pytest.mark.parametrize("name", ["r.txt", "r", "r.xlsx"])
def test_other_endings_are_a_usage_error(bundle_path: Path, mixed: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"ends with \.csv or \.parquet"):
        predict(bundle_path, [mixed], tmp_path / name, engine=ONE)


def test_relative_bundle_is_found_by_workers(
    bundle_path: Path, mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bundle_path.parent)
    stage = PredictStage(Path("skin"))
    monkeypatch.chdir(tmp_path.parent)
    assert list(stage(iter([]))) == []


@pytest.mark.parametrize("given", ["s3a://bucket/folder", "list"])
def test_what_only_hadoop_reaches_needs_spark(bundle_path: Path, tmp_path: Path, given: str) -> None:
    if given == "list":
        given = str(tmp_path / "list.parquet")
        pq.write_table(pa.table({"uri": ["s3a://bucket/a.jpg"]}), given)
    with pytest.raises(UsageError, match="only Spark reaches this file system; write --engine spark"):
        predict(bundle_path, [given], tmp_path / "r.csv", engine=ONE)
    assert not (tmp_path / "r.csv").exists()
