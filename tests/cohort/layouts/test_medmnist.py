from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overread.cohort import IngestSettings, ingest
from overread.cohort.layouts import detect_layout
from overread.cohort.layouts.medmnist_classes import CLASSES, data_set
from overread.engine import LocalEngine
from overread.errors import CohortError
from overread.imaging.decode import decode
from overread.progress import SILENT
from tests.cohort.layouts.sources import lay, listed, pixels, write_npz


def write(path: Path, *shape: int, labels: object = (0, 1, 1), split: str = "train", **more: object) -> Path:
    arrays = {f"{split}_images": pixels(*shape), f"{split}_labels": np.array(labels, np.uint8)}
    return write_npz(path, **arrays, **more)  # type: ignore[arg-type]


def test_images_labels_and_splits_are_listed(tmp_path: Path) -> None:
    path = write_npz(
        tmp_path / "pneumoniamnist_64.npz",
        train_images=pixels(2, 64, 64),
        train_labels=np.array([[0], [1]], np.uint8),
        val_images=pixels(1, 64, 64),
        val_labels=np.array([[1]], np.uint8),
        test_images=pixels(1, 64, 64),
        test_labels=np.array([[0]], np.int64),
    )
    for source in (path, tmp_path):
        assert detect_layout(source, IngestSettings()).name == "medmnist"
        listing = listed(source)
        assert [(one.uri, one.file, one.label, one.split) for one in listing.candidates] == [
            ("pneumoniamnist_64.npz#test/0", "test/000000.png", "normal", "test"),
            ("pneumoniamnist_64.npz#train/0", "train/000000.png", "normal", "train"),
            ("pneumoniamnist_64.npz#train/1", "train/000001.png", "pneumonia", "train"),
            ("pneumoniamnist_64.npz#val/0", "val/000000.png", "pneumonia", "tune"),
        ]
        assert (listing.depends, listing.ignored, listing.notes) == (("pneumoniamnist_64.npz",), 0, ())


@pytest.mark.parametrize("shape", [(3, 28, 28), (3, 28, 20, 3), (3, 64, 64, 3), (3, 9, 9, 9)])
def test_images_are_unpacked_as_they_are(tmp_path: Path, shape: tuple[int, ...]) -> None:
    listing = listed(write(tmp_path / "mine.npz", *shape))
    assert [one.label for one in listing.candidates] == ["class 0", "class 1", "class 1"]
    assert listing.unpack is not None
    listing.unpack(tmp_path / "out", SILENT)
    made = sorted((tmp_path / "out").rglob("*.*"))
    assert [path.relative_to(tmp_path / "out").as_posix() for path in made] == [
        one.file for one in listing.candidates
    ]
    for path, said in zip(made, pixels(*shape), strict=True):
        read = decode(path.read_bytes())
        if shape[1:] == (9, 9, 9):
            said = np.stack([said[4], said[:, 4], said[:, :, 4]], axis=-1)
        assert np.array_equal(read, said if said.ndim == 3 else np.repeat(said[..., None], 3, axis=2))


def test_volumes_are_three_slices_and_say_so(tmp_path: Path) -> None:
    listing = listed(write(tmp_path / "nodulemnist3d_64.npz", 3, 16, 16, 16))
    assert [(one.view, one.label) for one in listing.candidates] == [
        ("2.5D", "benign"),
        ("2.5D", "malignant"),
        ("2.5D", "malignant"),
    ]
    assert listing.notes[0].startswith("each volume is read as one image of its three central slices")


def test_unpacking_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = listed(write(tmp_path / "mine.npz", 4, 12, 12, labels=(0, 1, 0, 1)))
    assert listing.unpack is not None
    out = tmp_path / "out" / "train"
    listing.unpack(out.parent, SILENT)
    whole = {path.name: path.read_bytes() for path in out.iterdir()}
    (out / "000001.png").unlink()
    (out / "000002.png").write_bytes(whole["000002.png"][:40])
    (out / "000003.png").write_bytes(bytes(100))
    kept = (out / "000000.png").stat().st_mtime_ns
    os.utime(out / "000000.png", ns=(kept - 10**9, kept - 10**9))
    listing.unpack(out.parent, SILENT)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == whole
    assert (out / "000000.png").stat().st_mtime_ns == kept - 10**9
    monkeypatch.setattr("overread.cohort.layouts.medmnist.iterate", lambda _: pytest.fail("read again"))
    listing.unpack(out.parent, SILENT)


def test_what_a_rule_leaves_out_is_not_unpacked(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.npz", 3, 5, 5, val_images=pixels(2, 5, 5), val_labels=np.zeros(2, np.uint8))
    listing = listed(path, exclude={"split": ["val"]}, only={"label": ["class 1"]})
    assert [one.rule for one in listing.candidates] == [
        "label is not class 1",
        None,
        None,
        "split is val",
        "split is val",
    ]
    assert listing.unpack is not None
    listing.unpack(tmp_path / "out", SILENT)
    assert sorted(path.name for path in (tmp_path / "out").rglob("*.png")) == ["000001.png", "000002.png"]


def test_findings_are_columns(tmp_path: Path) -> None:
    vectors = np.zeros((3, 14), np.uint8)
    vectors[1, [0, 13]] = 1
    listing = listed(write(tmp_path / "chestmnist.npz", 3, 5, 5, labels=vectors))
    assert [one.label for one in listing.candidates] == ["No Finding", "atelectasis|hernia", "No Finding"]
    unknown = listed(
        write(tmp_path / "mine.npz", 3, 5, 5, labels=[[0, 1], [1, 1], [0, 0]]).parent / "mine.npz"
    )
    assert [one.label for one in unknown.candidates] == ["finding 1", "finding 0|finding 1", "No Finding"]


def test_images_without_labels_are_rejects(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.npz", 3, 5, 5, test_images=pixels(1, 5, 5))
    last = listed(path).candidates[0]
    assert (last.uri, last.reason, last.detail) == (
        "mine.npz#test/0",
        "no-label",
        "the file has no test_labels",
    )


@pytest.mark.parametrize(
    ("name", "arrays", "said"),
    [
        (
            "mine",
            {"train_images": pixels(2, 5, 5).astype(float)},
            "expected uint8 of the shape .* got float64",
        ),
        ("mine", {"train_images": pixels(2, 5)}, r"expected uint8 of the shape .* got uint8 of \[2, 5\]"),
        ("mine", {"train_images": pixels(2, 5, 5, 4)}, "expected uint8 of the shape"),
        ("mine", {"train_images": pixels(2, 0, 5)}, r"with sides of 1 to 8192, got \[2, 0, 5\]"),
        ("mine", {"train_images": pixels(1, 9000, 1)}, "with sides of 1 to 8192"),
        (
            "mine",
            {"train_labels": np.arange(3)},
            "expected the arrays train_images and train_labels, got 'train_lab",
        ),
        ("mine", {"train_images": pixels(2, 5, 5), "train_labels": np.arange(3)}, "expected 2 whole numbers"),
        (
            "mine",
            {"train_images": pixels(2, 5, 5), "train_labels": np.array([0.5, 1])},
            "whole numbers, one an im",
        ),
        (
            "pneumoniamnist",
            {"train_images": pixels(2, 5, 5), "train_labels": np.array([0, 2])},
            "entry 1: expected 0 to 1, got 2; rename the file if it is not pneumoniamnist",
        ),
        (
            "chestmnist",
            {"train_images": pixels(1, 5, 5), "train_labels": np.zeros((1, 9), int)},
            "expected 14 columns of 0 and 1, got 9",
        ),
    ],
)
def test_arrays_that_are_not_medmnists_are_one_sentence(
    tmp_path: Path, name: str, arrays: dict[str, np.ndarray], said: str
) -> None:
    path = write_npz(tmp_path / f"{name}.npz", **arrays)
    with pytest.raises(CohortError, match=said):
        listed(path, layout="medmnist")


def test_a_folder_of_several_files_asks_which(tmp_path: Path) -> None:
    write(tmp_path / "a.npz", 3, 5, 5)
    write(tmp_path / "b.npz", 3, 5, 5)
    write_npz(tmp_path / "other.npz", images=pixels(2, 5, 5))
    with pytest.raises(CohortError, match=r"expected one .npz file, got a.npz, b.npz; name the file itself"):
        listed(tmp_path)
    with pytest.raises(CohortError, match="the medmnist layout has no table and no columns"):
        listed(tmp_path / "a.npz", columns={"label": "x"})
    assert len(listed(tmp_path / "a.npz").candidates) == 3


def test_a_stray_file_does_not_hide_folders_of_classes(tmp_path: Path) -> None:
    write(lay(tmp_path, images=["x/1.jpg", "y/2.jpg"]) / "mine.npz", 3, 5, 5)
    assert detect_layout(tmp_path, IngestSettings()).name == "folder"
    named = listed(tmp_path, layout="medmnist").candidates
    assert [(one.uri, one.reason) for one in named][-2:] == [("x/1.jpg", "no-label"), ("y/2.jpg", "no-label")]


def test_classes_are_known_whatever_the_size() -> None:
    assert {data_set(name) for name in ("OrganMNIST3D", "organmnist3d_64")} == {"organmnist3d"}
    assert data_set("bloodmnist_corrupted") is None
    assert len(CLASSES) == 18
    assert all(len(set(classes)) == len(classes) for classes in CLASSES.values())
    # A bar or a semicolon in a name would be read as two findings.
    assert not any(mark in name for classes in CLASSES.values() for name in classes for mark in "|;")


def test_a_file_becomes_a_cohort(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    path = write_npz(
        tmp_path / "pneumoniamnist.npz",
        train_images=rng.integers(0, 256, (60, 28, 28), np.uint8),
        train_labels=np.arange(60)[:, None] % 2,
        val_images=rng.integers(0, 256, (20, 28, 28), np.uint8),
        val_labels=np.arange(20)[:, None] % 2,
    )
    cohort = ingest(path, tmp_path / "out", settings=IngestSettings(), engine=LocalEngine(1))
    card = cohort.card
    assert (card.found, card.read, card.classes, card.patient_known) == (80, 80, ("pneumonia",), False)
    row = cohort.table().to_pylist()[0]
    assert (row["uri"], row["media_type"], row["width"]) == ("pneumoniamnist.npz#train/0", "image/png", 28)
    assert Image.MIME["PNG"] == row["media_type"]
