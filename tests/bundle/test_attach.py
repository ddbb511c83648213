from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from overread.bundle import Bundle, attach, verify, zip_bundle
from overread.errors import BundleError


class Killed(BaseException):
    pass


def test_attached_files_are_sealed(bundle_path: Path) -> None:
    before = Bundle.load(bundle_path).digest
    attach(bundle_path, {"report.html": b"<p>", "figures/roc.svg": b"<svg>"})
    bundle = Bundle.load(bundle_path)
    assert (bundle_path / "figures" / "roc.svg").read_bytes() == b"<svg>"
    assert bundle.file("report.html") == b"<p>"
    assert bundle.digest != before
    assert not list(bundle_path.glob(".attach*"))
    verify(bundle_path)


def test_attached_file_is_replaced(bundle_path: Path) -> None:
    attach(bundle_path, {"report.html": b"old", "evaluation.json": b"{}"})
    attach(bundle_path, {"report.html": b"new"})
    bundle = Bundle.load(bundle_path)
    assert (bundle.file("report.html"), bundle.file("evaluation.json")) == (b"new", b"{}")


@pytest.mark.parametrize(
    "name", ["network.onnx", "preprocess.onnx", "selftest/expected.json", "selftest/x.png"]
)
def test_what_readings_depend_on_cannot_be_attached(bundle_path: Path, name: str) -> None:
    with pytest.raises(BundleError, match="readings depend on it"):
        attach(bundle_path, {name: b"x"})


@pytest.mark.parametrize("name", ["../report.html", "bundle.json", "/tmp/x"])
def test_path_outside_the_bundle_cannot_be_attached(bundle_path: Path, name: str) -> None:
    with pytest.raises(BundleError, match="not a path inside"):
        attach(bundle_path, {name: b"x"})


def test_damaged_bundle_is_not_sealed_again(bundle_path: Path) -> None:
    (bundle_path / "selftest" / "06-tiny.png").write_bytes(b"other")
    with pytest.raises(BundleError, match="06-tiny"):
        attach(bundle_path, {"report.html": b"x"})
    with pytest.raises(BundleError, match="06-tiny"):
        Bundle.load(bundle_path)


def test_zip_takes_no_attachment(bundle_path: Path) -> None:
    with pytest.raises(BundleError, match="zip it afterwards"):
        attach(zip_bundle(bundle_path), {"report.html": b"x"})


def _kill_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """End at the step-th change of the disk that is not a write into an unfinished file."""
    counter = iter(range(10_000))

    def guarded(name: str, original: object) -> object:
        def call(*arguments: object, **settings: object) -> object:
            if next(counter) == step:
                raise Killed
            return original(*arguments, **settings)  # type: ignore[operator]

        return call

    for owner, name in [(Path, "rename"), (Path, "replace"), (Path, "mkdir"), (os, "rmdir"), (os, "unlink")]:
        monkeypatch.setattr(owner, name, guarded(name, getattr(owner, name)))


def test_bundle_loads_and_is_whole_wherever_attach_is_killed(
    bundle_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attach(bundle_path, {"report.html": b"old"})
    old = Bundle.load(bundle_path).digest
    new_files = {"report.html": b"new", "MODEL_CARD.md": b"# card", "figures/roc.svg": b"<svg>"}
    reference = Path(shutil.copytree(bundle_path, tmp_path / "reference"))
    attach(reference, new_files)
    new = Bundle.load(reference).digest
    seen = []
    for step in range(1000):
        victim = Path(shutil.copytree(bundle_path, tmp_path / f"victim-{step}"))
        with monkeypatch.context() as patch:
            _kill_at(step, patch)
            try:
                attach(victim, new_files)
                finished = True
            except Killed:
                finished = False
        after = Bundle.load(victim)
        assert after.digest in {old, new}
        assert after.file("report.html") == (b"old" if after.digest == old else b"new")
        assert Bundle.load(zip_bundle(victim)).digest == after.digest
        seen.append(after.digest)
        attach(victim, new_files)
        assert Bundle.load(victim).digest == new
        assert (victim / "report.html").read_bytes() == b"new"
        assert not list(victim.glob(".attach*"))
        if finished:
            break
    assert seen == sorted(seen, key=lambda digest: digest == new)  # old until the commit, new ever after
    assert seen.count(old) > 4
    assert seen.count(new) > 4
