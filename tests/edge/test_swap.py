from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from overread.edge import swap
from overread.edge.swap import swapped_in


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _make(folder: Path, text: str) -> None:
    folder.mkdir()
    (folder / "index.html").write_text(text)


def _write(out: Path, text: str) -> None:
    with swapped_in(out) as aside:
        (aside / "index.html").write_text(text)


@pytest.mark.parametrize("at_once", [True, False])
def test_the_new_folder_takes_the_place_of_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    if not at_once:
        monkeypatch.setattr(swap, "_exchanged_at_once", lambda *_: False)
    out = tmp_path / "deep" / "site"
    _write(out, "old")
    (out / "more").write_text("of the old one")
    _write(out, "new")
    assert (out / "index.html").read_text() == "new"
    assert _names(out) == ["index.html"]
    assert _names(tmp_path / "deep") == ["site"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="one step on Linux only")
def test_there_is_no_moment_without_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _make(tmp_path / "one", "1")
    _make(tmp_path / "two", "2")
    monkeypatch.setattr(Path, "rename", None)  # the two renames of other systems are not used
    swap._exchange(tmp_path / "one", tmp_path / "two")
    assert (tmp_path / "two" / "index.html").read_text() == "1"


def test_an_error_leaves_the_old_one(tmp_path: Path) -> None:
    out = tmp_path / "site"
    _write(out, "old")

    def fail() -> None:
        with swapped_in(out) as aside:
            (aside / "index.html").write_text("new")
            raise ValueError("half way")

    with pytest.raises(ValueError, match="half"):
        fail()
    assert (out / "index.html").read_text() == "old"
    assert _names(tmp_path) == ["site"]


def test_a_rename_that_fails_puts_the_old_one_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swap, "_exchanged_at_once", lambda *_: False)
    out = tmp_path / "site"
    _write(out, "old")
    real = Path.rename

    def fails(self: Path, target: Path) -> Path:
        if self.suffix == ".new":
            raise OSError(5, "Input/output error")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(OSError, match="Input/output"):
        _write(out, "new")
    assert (out / "index.html").read_text() == "old"


def test_a_killed_process_leaves_the_old_one_and_a_later_call_clears_up(tmp_path: Path) -> None:
    out = tmp_path / "site"
    _write(out, "old")
    script = (
        "import pathlib, sys, time; from overread.edge.swap import swapped_in\n"
        f"with swapped_in(pathlib.Path({str(out)!r})) as aside:\n"
        " (aside / 'index.html').write_text('new'); print('half', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        process.send_signal(signal.SIGKILL)
    assert (out / "index.html").read_text() == "old"
    [left] = [path for path in tmp_path.iterdir() if path != out]
    _write(out, "newer")
    assert left.exists(), "another process may be writing it this moment"
    long_ago = time.time() - 7200
    os.utime(left, (long_ago, long_ago))
    _write(out, "newest")
    assert _names(tmp_path) == ["site"]
    assert (out / "index.html").read_text() == "newest"


def test_other_users_may_read_it(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        _write(tmp_path / "site", "new")
    finally:
        os.umask(before)
    assert (tmp_path / "site").stat().st_mode & 0o777 == 0o755


def test_a_link_to_the_folder_stays_a_link(tmp_path: Path) -> None:
    _write(tmp_path / "real", "old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    _write(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "index.html").read_text() == "new"
