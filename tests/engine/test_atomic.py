from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from overread.engine.atomic import atomically, remove_unfinished, write_atomically
from overread.errors import EngineError


def test_a_file_appears_whole(tmp_path: Path) -> None:
    with atomically(tmp_path / "a.json") as handle:
        handle.write(b"{}")
        assert not (tmp_path / "a.json").exists()
    assert (tmp_path / "a.json").read_bytes() == b"{}"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_an_error_leaves_the_old_file(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"old")

    def interrupted() -> None:
        with atomically(tmp_path / "a") as handle:
            handle.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (tmp_path / "a").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EngineError, match=r"a: could not be written: No space left.*free space"):
        write_atomically(tmp_path / "a", b"x")
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="check that the folder exists"):
        write_atomically(tmp_path / "absent" / "a", b"x")


def test_leftovers_are_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.12.tmp").touch()
    (tmp_path / "b").touch()
    remove_unfinished(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
