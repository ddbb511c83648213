from __future__ import annotations

import os
from pathlib import Path

import pytest

from overread.cohort.listing import Files, list_classes, list_files
from overread.errors import CohortError


def touch(source: Path, *names: str) -> Path:
    for name in names:
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return source


def labels(*images: str) -> dict[str, tuple[str | None, str | None]]:
    listing = list_classes(Files(images, (), 0))
    return {
        one.uri: (one.label, one.split) if one.reason is None else (one.reason, None)
        for one in listing.candidates
    }


def test_images_are_found_at_any_depth_and_others_are_counted(tmp_path: Path) -> None:
    touch(
        tmp_path,
        *("b/2.JPG", "b/deep/er/3.jpeg", "a/1 é.png", "a/scan.dcm", "a/old.bmp", "a/x.tif"),
        *(
            "labels.csv",
            "a/notes.txt",
            "a/.hidden.jpg",
            "a/._1.jpg",
            ".git/x.jpg",
            "__MACOSX/a/1.png",
            "a/noend",
        ),
    )
    files = list_files(tmp_path)
    assert files.images == ("a/1 é.png", "a/old.bmp", "a/scan.dcm", "a/x.tif", "b/2.JPG", "b/deep/er/3.jpeg")
    assert files.ignored == 5  # hidden folders are not looked into


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    elsewhere = touch(tmp_path / "elsewhere", "1.jpg")
    source = touch(tmp_path / "source", "a/2.jpg")
    (source / "b").symlink_to(elsewhere)
    (source / "a" / "up").symlink_to(source)
    (source / "a" / "gone.jpg").symlink_to(tmp_path / "nowhere")
    (source / "a" / "self.jpg").symlink_to(source / "a" / "self.jpg")
    assert list_files(source).images == ("a/2.jpg", "a/gone.jpg", "a/self.jpg", "b/1.jpg")


def test_a_name_that_is_no_utf8_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/a/caf\xe9.jpg")).touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (candidate,) = list_classes(list_files(tmp_path)).candidates
    assert (candidate.uri, candidate.file) == ("a/caf\\xe9.jpg", "a/caf\udce9.jpg")


def test_the_cohort_being_written_is_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg", "out/images/x.jpg", "out/cohort.json")
    assert list_files(tmp_path, exclude=tmp_path / "out") == Files(("a/1.jpg",), (), 0)


def test_a_folder_that_cannot_be_opened_is_an_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a/1.jpg", "b/2.jpg")
    scandir = os.scandir

    def closed(path: Path) -> object:
        if path == tmp_path / "b":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    closed_folder = list_classes(list_files(tmp_path)).candidates[-1]
    assert (closed_folder.uri, closed_folder.reason) == ("b", "unreadable-file")
    assert closed_folder.detail == "the folder could not be opened: Permission denied"


def test_folders_are_classes() -> None:
    assert labels("benign/1.jpg", "benign/deep/2.jpg", "malignant/1.jpg", "loose.jpg") == {
        "benign/1.jpg": ("benign", None),
        "benign/deep/2.jpg": ("benign", None),
        "malignant/1.jpg": ("malignant", None),
        "loose.jpg": ("no-label", None),
    }


def test_folders_may_be_splits_of_classes() -> None:
    assert labels("Train/a/1.jpg", "valid/a/2.jpg", "test/b/3.jpg", "train/loose.jpg", "more/a/4.jpg") == {
        "Train/a/1.jpg": ("a", "train"),
        "valid/a/2.jpg": ("a", "tune"),
        "test/b/3.jpg": ("b", "test"),
        "train/loose.jpg": ("no-label", None),
        "more/a/4.jpg": ("no-label", None),
    }


def test_a_class_called_test_is_no_split() -> None:
    assert labels("control/1.jpg", "test/2.jpg") == {
        "control/1.jpg": ("control", None),
        "test/2.jpg": ("test", None),
    }


def test_a_source_that_is_no_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="there is no such folder; name the folder"):
        list_files(tmp_path / "absent")
    with pytest.raises(CohortError, match="is a file, expected a folder"):
        list_files(touch(tmp_path, "file") / "file")
