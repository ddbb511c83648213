"""Which files of a folder a check reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from overread.edge.check.photograph import list_photographs
from overread.errors import UsageError


def test_photographs_are_found_to_the_bottom_by_their_names(tmp_path: Path) -> None:
    for name in ("b.jpeg", "deep/er/A.JPG", "c.png", "notes.csv", "d.tiff", ".hidden.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = list_photographs(tmp_path)
    assert [(photograph.image_id, photograph.media_type) for photograph in found] == [
        ("b", "image/jpeg"),
        ("c", "image/png"),
        ("deep/er/A", "image/jpeg"),
    ]


def test_a_folder_without_photographs_is_said(tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_text("")
    with pytest.raises(UsageError, match=r"holds no JPEG or PNG file; check the path"):
        list_photographs(tmp_path)
