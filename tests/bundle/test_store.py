from __future__ import annotations

import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from overread.bundle import Bundle, zip_bundle
from overread.errors import BundleError


def rewrite(
    source: Path, target: Path, change: Callable[[zipfile.ZipInfo, bytes], list[tuple[object, bytes]]]
) -> Path:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            for entry, content in change(info, old.read(info)):
                new.writestr(entry, content)  # type: ignore[arg-type]
    return target


@pytest.fixture
def zipped(bundle_path: Path) -> Path:
    return zip_bundle(bundle_path)


def test_one_changed_byte_in_any_file_names_the_file(bundle_path: Path) -> None:
    for path in sorted(item for item in bundle_path.rglob("*") if item.is_file()):
        content = path.read_bytes()
        path.write_bytes(
            content[: len(content) // 2]
            + bytes([content[len(content) // 2] ^ 1])
            + content[len(content) // 2 + 1 :]
        )
        with pytest.raises(BundleError) as caught:
            Bundle.load(bundle_path)
        assert f"file '{path.relative_to(bundle_path).as_posix()}'" in str(caught.value)
        path.write_bytes(content)
    Bundle.load(bundle_path)


def test_one_changed_byte_in_any_file_of_the_zip_names_the_file(zipped: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(zipped) as archive:
        names = archive.namelist()
    for name in names:
        damaged = rewrite(
            zipped,
            tmp_path / "damaged.overread",
            lambda info, content, name=name: [
                (info, content[:-1] + b"?" if info.filename == name else content)
            ],
        )
        with pytest.raises(BundleError) as caught:
            Bundle.load(damaged)
        assert f"file '{name}'" in str(caught.value)


def test_any_flipped_byte_of_the_zip_is_an_error_of_ours_or_harmless(zipped: Path, tmp_path: Path) -> None:
    content = zipped.read_bytes()
    digest = Bundle.load(zipped).digest
    damaged = tmp_path / "damaged.overread"
    errors = 0
    for position in range(0, len(content), max(1, len(content) // 150)):
        damaged.write_bytes(content[:position] + bytes([content[position] ^ 0x20]) + content[position + 1 :])
        try:
            assert Bundle.load(damaged).digest == digest
        except BundleError:
            errors += 1
    assert errors > 100


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_truncated_zip_is_refused(zipped: Path, share: float) -> None:
    content = zipped.read_bytes()
    zipped.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(BundleError):
        Bundle.load(zipped)


def test_missing_file_is_named(bundle_path: Path) -> None:
    (bundle_path / "selftest" / "06-tiny.png").unlink()
    with pytest.raises(BundleError, match=r"file 'selftest/06-tiny\.png' is missing"):
        Bundle.load(bundle_path)


def test_extra_file_is_named(bundle_path: Path) -> None:
    (bundle_path / "selftest" / "run.py").write_text("print()")
    with pytest.raises(BundleError, match=r"file 'selftest/run\.py' is not listed"):
        Bundle.load(bundle_path)


def test_what_file_managers_leave_is_no_extra_file(bundle_path: Path) -> None:
    (bundle_path / "selftest" / ".DS_Store").write_bytes(b"x")
    Bundle.load(bundle_path)


def test_zip_reads_like_its_folder(bundle_path: Path, zipped: Path) -> None:
    assert Bundle.load(zipped).digest == Bundle.load(bundle_path).digest


def test_zip_made_by_another_program_with_folders_in_it_is_read(zipped: Path, tmp_path: Path) -> None:
    def with_folder(info: zipfile.ZipInfo, content: bytes) -> list[tuple[object, bytes]]:
        folder = [("selftest/", b"")] if info.filename == "bundle.json" else []
        return [*folder, (info.filename, content)]

    Bundle.load(rewrite(zipped, tmp_path / "other.zip", with_folder))


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "C:evil"])
def test_zip_that_would_leave_its_folder_is_refused(zipped: Path, tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(zipped, "a") as archive:
        archive.writestr(name, b"evil")
    with pytest.raises(BundleError, match="not a path inside a bundle"):
        Bundle.load(zipped)
    assert not list(tmp_path.rglob("evil"))


def test_zip_with_a_link_is_refused(zipped: Path) -> None:
    link = zipfile.ZipInfo("report.html")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(zipped, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(BundleError, match="got a link"):
        Bundle.load(zipped)


def test_zip_bomb_is_refused_before_it_is_unpacked(zipped: Path) -> None:
    with (
        zipfile.ZipFile(zipped, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("report.html", "w") as member,
    ):
        for _ in range(40):
            member.write(bytes(2**20))
    with pytest.raises(BundleError, match=r"'report\.html': would unpack to 41943040 bytes"):
        Bundle.load(zipped)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_zip_with_two_files_of_one_name_is_refused(zipped: Path) -> None:
    with zipfile.ZipFile(zipped, "a") as archive:
        archive.writestr("network.onnx", b"other")
    with pytest.raises(BundleError, match="stands twice"):
        Bundle.load(zipped)


def test_what_is_no_bundle_is_refused(tmp_path: Path, bundle_path: Path) -> None:
    empty, text = tmp_path / "empty", tmp_path / "notes.txt"
    empty.mkdir()
    text.write_text("notes")
    for path, message in [
        (empty, r"expected a file 'bundle\.json', found none"),
        (text, "expected a bundle, got another kind of file"),
        (tmp_path / "nothing", "there is no such bundle"),
        (bundle_path / "bundle.json", "give the folder that holds it"),
    ]:
        with pytest.raises(BundleError, match=message):
            Bundle.load(path)


def test_folder_in_place_of_a_file_is_refused(bundle_path: Path) -> None:
    (bundle_path / "network.onnx").unlink()
    (bundle_path / "network.onnx").mkdir()
    with pytest.raises(BundleError, match=r"network\.onnx"):
        Bundle.load(bundle_path)


def test_uncommitted_leftovers_are_not_seen(bundle_path: Path) -> None:
    shutil.copytree(bundle_path / "selftest", bundle_path / ".attach.tmp")
    (bundle_path / ".attach").mkdir()
    Bundle.load(bundle_path)
