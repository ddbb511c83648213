from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from overread.cohort import Cohort, IngestSettings, ingest
from overread.engine import LocalEngine
from overread.errors import CohortError, EngineError
from tests.cohort.pictures import picture, write_class_folders, write_patients, write_table


def make(source: Path, out: Path, *, workers: int = 1, **settings: Any) -> Cohort:
    return ingest(source, out, settings=IngestSettings(**settings), engine=LocalEngine(workers))


def tree(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def skin(tmp_path: Path) -> Path:
    return write_class_folders(tmp_path / "skin", {"benign": 15, "malignant": 10})


def test_a_folder_becomes_a_cohort(tmp_path: Path, skin: Path) -> None:
    cohort = make(skin, tmp_path / "out", licence="CC0", seed=3)
    card = cohort.card
    assert (card.name, card.task, card.classes, card.negative) == ("skin", "binary", ("malignant",), "benign")
    assert (card.found, card.read, card.rejected, card.ignored) == (25, 25, 0, 0)
    assert (card.licence, card.seed, card.patient_known, card.split_given) == ("CC0", 3, False, False)
    assert card.counts == {
        "train": {"malignant": 6, "benign": 9},
        "tune": {"malignant": 2, "benign": 3},
        "test": {"malignant": 2, "benign": 3},
    }
    row = cohort.table().to_pylist()[0]
    content = (skin / "benign" / "000.jpg").read_bytes()
    assert row == {
        **{"image_id": "benign/000", "patient_id": "benign/000", "group_id": None, "uri": "benign/000.jpg"},
        **{
            "media_type": "image/jpeg",
            "width": 24,
            "height": 16,
            "sha256": hashlib.sha256(content).hexdigest(),
        },
        **{"label": "benign", "target": [0.0], "split": row["split"]},
        **dict.fromkeys(("age", "sex", "site", "view", "device", "source", "date")),
    }
    assert cohort.images_of(["benign/000"]) == {"benign/000": content}
    assert set(tree(tmp_path / "out")) == {
        *("cohort.json", "images/part-00000.parquet", "ingest.json", "rejects.parquet"),
        *("duplicates.parquet", "inputs.parquet"),
    }


def test_a_table_becomes_a_cohort_and_patients_never_cross(tmp_path: Path) -> None:
    source = tmp_path / "images"
    rows = write_patients(source)
    write_table(source / "labels.csv", rows)
    cohort = make(source, tmp_path / "out")
    card = cohort.card
    assert (card.images, card.patients, card.patient_known) == (24, 12, True)
    sides = defaultdict(set)
    for row in cohort.table(["patient_id", "split"]).to_pylist():
        sides[row["patient_id"]].add(row["split"])
    assert {len(side) for side in sides.values()} == {1}
    assert Counter(min(side) for side in sides.values()).keys() == {"train", "tune", "test"}
    first = cohort.table().to_pylist()[0]
    assert (first["patient_id"], first["age"], first["sex"]) == ("P000", 80.0, "F")


def test_every_input_is_read_or_rejected_with_a_reason(tmp_path: Path, skin: Path) -> None:
    whole = picture(900, width=200, height=100)
    bad = {
        "cut.jpg": whole[:-200],
        "empty.jpg": b"",
        "text.jpg": b"no image at all",
        "old.bmp": b"BM......",
        "dup.jpg": (skin / "malignant" / "000.jpg").read_bytes(),
        "huge.png": _huge_png(),
    }
    for name, content in bad.items():
        (skin / "benign" / name).write_bytes(content)
    (skin / "loose.jpg").write_bytes(whole)
    (skin / "benign" / "gone.jpg").symlink_to(tmp_path / "nowhere")
    (skin / "notes.txt").write_text("not an input")
    cohort = make(skin, tmp_path / "out")
    rejects = {row["uri"]: row["reason"] for row in cohort.rejects().to_pylist()}
    assert rejects == {
        "benign/cut.jpg": "truncated",
        "benign/empty.jpg": "empty",
        "benign/text.jpg": "not-an-image",
        "benign/old.bmp": "unsupported",
        "benign/dup.jpg": "conflicting-label",
        "malignant/000.jpg": "conflicting-label",
        "benign/huge.png": "too-large",
        "benign/gone.jpg": "missing-file",
        "loose.jpg": "no-label",
    }
    card = cohort.card
    assert (card.found, card.read, card.rejected, card.ignored) == (33, 24, 9, 1)
    assert card.reject_reasons == Counter(rejects.values())
    assert all(row["detail"] for row in cohort.rejects().to_pylist())


def _huge_png() -> bytes:
    """A PNG whose header claims 100,000 × 100,000 pixels."""
    import struct
    import zlib

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunks = {b"IHDR": header, b"IDAT": zlib.compress(b"\0" * 1000), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks.items()
    )


def test_names_of_all_kinds_are_read(tmp_path: Path, skin: Path) -> None:
    names = ["with space.JPG", "é ü 漢.jpeg", "quote'\".jpg", "a\nb.jpg", "000.png"]
    for at, name in enumerate(names):
        (skin / "benign" / name).write_bytes(
            picture(500 + at, kind="PNG" if name.endswith("png") else "JPEG")
        )
    raw = os.fsencode(skin / "benign") + b"/caf\xe9.jpg"
    Path(os.fsdecode(raw)).write_bytes(picture(600))
    ids = make(skin, tmp_path / "out").table(["image_id", "uri"]).to_pydict()
    assert set(ids["image_id"]) >= {
        *("benign/with space", "benign/é ü 漢", "benign/quote'\"", "benign/a\nb", "benign/caf\\xe9"),
        *("benign/000.jpg", "benign/000.png", "malignant/000"),
    }
    assert "benign/caf\\xe9.jpg" in ids["uri"]


def test_a_cohort_may_point_at_its_images(tmp_path: Path, skin: Path) -> None:
    raw = os.fsencode(skin / "benign") + b"/caf\xe9.jpg"
    Path(os.fsdecode(raw)).write_bytes(picture(600))
    cohort = make(skin, tmp_path / "out", embed=False)
    assert cohort.card.reject_reasons == {"unreadable-file": 1}  # no path in a table can name it
    assert set(cohort.table(["content"])["content"].to_pylist()) == {None}
    (row,) = cohort.table(["image_id", "uri"]).slice(0, 1).to_pylist()
    assert row["uri"] == str((skin / "benign" / "000.jpg").absolute())
    assert cohort.images_of(["benign/000"])["benign/000"] == (skin / "benign" / "000.jpg").read_bytes()
    (skin / "benign" / "000.jpg").write_bytes(picture(1))
    with pytest.raises(CohortError, match="bytes are not those"):
        cohort.images_of(["benign/000"])
    (skin / "benign" / "000.jpg").unlink()
    with pytest.raises(CohortError, match=r"could not be read \(No such file or directory\)"):
        cohort.images_of(["benign/000"])


def test_the_same_source_gives_the_same_bytes_whatever_the_workers(tmp_path: Path, skin: Path) -> None:
    make(skin, tmp_path / "one")
    make(skin, tmp_path / "two", workers=2)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    copy = tmp_path / "elsewhere" / "skin"
    shutil.copytree(skin, copy, copy_function=shutil.copyfile)
    moved = make(copy, tmp_path / "three").card
    assert moved.content_hash == Cohort.load(tmp_path / "one").card.content_hash


def test_the_order_of_a_tables_rows_does_not_matter(tmp_path: Path) -> None:
    source = tmp_path / "images"
    rows = write_patients(source)
    one = make(source, tmp_path / "one", table=write_table(tmp_path / "one.csv", rows))
    other = make(source, tmp_path / "two", table=write_table(tmp_path / "two.csv", rows[::-1]))
    assert one.card.content_hash == other.card.content_hash


def test_another_seed_is_another_split(tmp_path: Path, skin: Path) -> None:
    one, other = make(skin, tmp_path / "one", seed=1), make(skin, tmp_path / "two", seed=2)
    assert one.table(["split"]) != other.table(["split"])
    assert one.card.split_counts == other.card.split_counts


def test_identical_files_share_a_split(tmp_path: Path, skin: Path) -> None:
    for at in range(15):
        shutil.copyfile(skin / "benign" / f"{at:03d}.jpg", skin / "benign" / f"copy of {at:03d}.jpg")
    cohort = make(skin, tmp_path / "out")
    splits = dict(zip(*cohort.table(["image_id", "split"]).to_pydict().values(), strict=True))
    assert all(splits[f"benign/{at:03d}"] == splits[f"benign/copy of {at:03d}"] for at in range(15))
    assert cohort.card.identical == 30


def test_a_given_split_is_kept_and_what_it_lacks_is_carved_out_of_train(tmp_path: Path) -> None:
    source = tmp_path / "set"
    write_class_folders(source / "train", {"benign": 20, "malignant": 20})
    write_class_folders(source / "test", {"benign": 5, "malignant": 5}, first=100)
    cohort = make(source, tmp_path / "out")
    table = cohort.table(["image_id", "split"]).to_pylist()
    assert {row["split"] for row in table if row["image_id"].startswith("test/")} == {"test"}
    assert cohort.card.split_counts == {"train": 30, "tune": 10, "test": 10}
    assert cohort.card.split_given


def test_a_given_split_that_a_file_crosses_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "set"
    write_class_folders(source / "train", {"benign": 6, "malignant": 6})
    write_class_folders(source / "test", {"benign": 6, "malignant": 6}, first=100)
    shutil.copyfile(source / "train" / "benign" / "000.jpg", source / "test" / "benign" / "x.jpg")
    said = (
        r"1 file stands on two sides of the split: 1 of the 13 images of test share one with train; for"
        r" example the images 'test/benign/x.jpg' and 'train/benign/000.jpg'; mend the split, .* or accept it"
        r' by name with accept_leakage = \["file"\]'
    )
    with pytest.raises(CohortError, match=said):
        make(source, tmp_path / "out")


def test_a_given_split_that_patients_cross_is_refused_without_naming_them(tmp_path: Path) -> None:
    source = tmp_path / "images"
    rows = write_patients(source)
    for at, row in enumerate(rows):
        row["split"] = ["train", "val"][at % 2] if at < 8 else "train"
    table = write_table(tmp_path / "labels.csv", rows)
    with pytest.raises(
        CohortError, match=r"4 patients stand on two sides of the split: .*'000_0.jpg'"
    ) as caught:
        make(source, tmp_path / "out", table=table)
    assert "P00" not in str(caught.value)
    accepted = make(source, tmp_path / "out", table=table, accept_leakage=("patient",)).card
    [leak] = accepted.leakage
    assert (leak.kind, leak.count, leak.images, leak.sides) == ("patient", 4, 8, {"train-tune": 4})
    assert make(source, tmp_path / "out", table=table, columns={"split": ""}).card.images == 24


@pytest.mark.parametrize(
    ("counts", "settings", "said"),
    [
        ({"benign": 9}, {}, "at least 2 classes, got 'benign' only"),
        (
            {"benign": 9, "malignant": 2},
            {},
            "class 'malignant' has 2 images that can be used, expected at least 5",
        ),
        ({"a": 9, "b": 9}, {}, "'a' and 'b' is looked for is not clear; set positive"),
        ({"a": 9, "b": 9}, {"layout": "table"}, "no table with an image and a label column was found"),
        (
            {"a": 9, "b": 9},
            {"columns": {"label": "dx"}},
            "no table with an image and a label column was found",
        ),
        (
            {"a": 9, "b": 9},
            {"drop_missing": ("age",)},
            "drop_missing names 'age', but the source has no table",
        ),
        ({"a": 9, "b": 9}, {"table": Path("absent.csv")}, "there is no such table"),
        ({}, {}, "there is no such folder"),
    ],
)
def test_sources_that_make_no_cohort_are_one_sentence(
    tmp_path: Path, counts: dict[str, int], settings: dict[str, Any], said: str
) -> None:
    write_class_folders(tmp_path / "source", counts)
    with pytest.raises(CohortError, match=said):
        make(tmp_path / "source", tmp_path / "out", **settings)
    assert not (tmp_path / "out" / "cohort.json").exists()


def test_a_source_without_images_or_without_a_good_one_is_one_sentence(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "a").mkdir(parents=True)
    (source / "a" / "x.txt").touch()
    with pytest.raises(CohortError, match=r"holds no image \(1 other files\)"):
        make(source, tmp_path / "out")
    for name in ("a", "b"):
        (source / name).mkdir(exist_ok=True)
        (source / name / "1.jpg").touch()
    with pytest.raises(
        CohortError, match=r"none of its 2 inputs can be used, the first, 'a/1.jpg', is empty"
    ):
        make(source, tmp_path / "out", positive="a")


def test_one_split_without_a_class_is_refused_where_it_was_given(tmp_path: Path) -> None:
    source = tmp_path / "set"
    write_class_folders(source / "train", {"benign": 9, "malignant": 9})
    write_class_folders(source / "test", {"benign": 9}, first=100)
    with pytest.raises(
        CohortError, match=r"split 'test' has no image of class 'malignant'; mend the given split"
    ):
        make(source, tmp_path / "out")


def test_several_classes_and_findings(tmp_path: Path) -> None:
    source = write_class_folders(tmp_path / "three", {"a": 6, "b": 6, "c": 6})
    many = make(source, tmp_path / "many")
    assert (many.task, many.classes) == ("multiclass", ("a", "b", "c"))
    assert set(map(tuple, many.table(["target"])["target"].to_pylist())) == {(1, 0, 0), (0, 1, 0), (0, 0, 1)}
    one = make(source, tmp_path / "one", positive="b")
    assert (one.task, one.classes, one.card.negative) == ("binary", ("b",), "not b")
    named = make(source, tmp_path / "named", classes=("c", "a"), task="multiclass")
    assert (named.classes, named.card.reject_reasons) == (("c", "a"), {"no-label": 6})

    rows = [
        {"image": f"{name}/{at:03d}.jpg", "label": {"a": "Mass", "b": "Mass|Edema", "c": "No Finding"}[name]}
        for name in "abc"
        for at in range(6)
    ]
    findings = make(source, tmp_path / "findings", table=write_table(tmp_path / "labels.csv", rows))
    assert (findings.task, findings.classes) == ("multilabel", ("Edema", "Mass"))
    assert {row["label"]: tuple(row["target"]) for row in findings.table().to_pylist()} == {
        "Mass": (0, 1),
        "Mass|Edema": (1, 1),
        "No Finding": (0, 0),
    }


def test_places_that_cannot_take_a_cohort_are_one_sentence(tmp_path: Path, skin: Path) -> None:
    with pytest.raises(CohortError, match="in or above its own source"):
        make(skin, skin)
    (tmp_path / "file").touch()
    with pytest.raises(CohortError, match="is a file, expected a folder"):
        make(skin, tmp_path / "file")
    (tmp_path / "album" / "images").mkdir(parents=True)
    (tmp_path / "album" / "images" / "holiday.jpg").touch()
    with pytest.raises(CohortError, match="holds files that are no part of a cohort"):
        make(skin, tmp_path / "album")


def test_a_cohort_may_stand_below_its_source(tmp_path: Path, skin: Path) -> None:
    inside = make(skin, skin / "cohort").card
    again = make(skin, skin / "cohort").card
    assert inside == again
    assert inside.found == 25


def test_nothing_is_done_again_unless_something_changed(tmp_path: Path, skin: Path) -> None:
    out = tmp_path / "out"
    first = make(skin, out).card
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert make(skin, out).card == first
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == times
    (skin / "benign" / "more.jpg").write_bytes(picture(700))
    assert make(skin, out).card.found == 26
    assert make(skin, out, seed=9).card.seed == 9


def test_a_damaged_cohort_is_made_again(tmp_path: Path, skin: Path) -> None:
    out = tmp_path / "out"
    make(skin, out)
    before = tree(out)
    part = out / "images" / "part-00000.parquet"
    part.write_bytes(part.read_bytes()[:-9])
    make(skin, out)
    assert tree(out) == before


def test_a_cohort_being_replaced_is_never_taken_for_whole(
    tmp_path: Path, skin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, replace = tmp_path / "out", Path.replace
    make(skin, out, seed=1)

    def interrupted(self: Path, target: Path) -> Path:
        if target == out / "rejects.parquet":
            raise KeyboardInterrupt
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            make(skin, out, seed=2)
    with pytest.raises(CohortError, match="there is no finished cohort here"):
        Cohort.load(out)
    make(skin, out, seed=2)
    make(skin, tmp_path / "whole", seed=2)
    assert tree(out) == tree(tmp_path / "whole")


def test_a_full_disk_is_one_sentence_and_the_next_run_goes_on(
    tmp_path: Path, skin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(skin, tmp_path / "whole")
    real, out, failures = os.fsync, tmp_path / "out", 0
    for allowed in range(0, 40, 3):
        left = [allowed]

        def fsync(descriptor: int, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise OSError(28, "No space left on device")
            real(descriptor)

        said = ""
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fsync)
            try:
                make(skin, out)
            except EngineError as error:
                said = str(error)
        if not said:
            break
        failures += 1
        assert "No space left on device; free space" in said
        with pytest.raises(CohortError, match="there is no finished cohort here"):
            Cohort.load(out)
    assert failures >= 3
    make(skin, out)
    assert tree(out) == tree(tmp_path / "whole")
