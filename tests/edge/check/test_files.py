"""Whether a site's files are those that it was made of."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from overread.edge import load_site
from overread.edge.check.files import check_files
from tests.edge.conftest import RUNTIME


@pytest.fixture
def own(made_site: Path, tmp_path: Path) -> Path:
    """A site to damage."""
    return Path(shutil.copytree(made_site, tmp_path / "site"))


def test_a_site_as_it_was_written_has_nothing_wrong(made_site: Path) -> None:
    assert check_files(made_site, load_site(made_site)) == []


def test_a_hosts_own_files_may_lie_beside_it(own: Path) -> None:
    (own / "_headers").write_text("/*\n")
    (own / ".nojekyll").write_text("")
    assert check_files(own, load_site(own)) == []


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["bundle/network.small.onnx", "bundle/selftest/02-wide.png", "index.html"])
def test_a_changed_byte_names_its_file(own: Path, name: str) -> None:
    damage(own / name)
    assert f"file '{name}' was changed since the site was written" in check_files(own, load_site(own))


def test_a_missing_file_is_named(own: Path) -> None:
    (own / RUNTIME).unlink()
    assert f"file '{RUNTIME}' is missing" in check_files(own, load_site(own))


@pytest.mark.parametrize("suffix", [".br", ".gz"])
def test_a_compressed_file_of_other_content_is_named(own: Path, suffix: str) -> None:
    shutil.copy(own / f"index.html{suffix}", own / f"{RUNTIME}{suffix}")
    assert check_files(own, load_site(own)) == [
        f"file '{RUNTIME}{suffix}' does not unpack to the file beside it"
    ]


@pytest.mark.parametrize("suffix", [".br", ".gz"])
def test_a_compressed_file_that_is_none_is_named(own: Path, suffix: str) -> None:
    (own / f"{RUNTIME}{suffix}").write_bytes(b"no such format")
    assert check_files(own, load_site(own)) == [
        f"file '{RUNTIME}{suffix}' does not unpack to the file beside it"
    ]


def test_a_script_that_nobody_listed_is_named(own: Path) -> None:
    (own / "assets/more.js").write_text("fetch('elsewhere')")
    assert check_files(own, load_site(own)) == ["file 'assets/more.js' is not of the site"]


def test_a_service_worker_of_another_version_is_named(own: Path) -> None:
    worker = own / "sw.js"
    worker.write_text(worker.read_text().replace(load_site(own).digest, "0" * 64))
    for smaller in own.glob("sw.js.*"):
        smaller.unlink()
    assert check_files(own, load_site(own)) == ["file 'sw.js' is of another version than 'site.json'"]


def test_a_network_that_the_bundle_does_not_seal_is_named(own: Path) -> None:
    """Whoever changes a file and writes site.json anew still cannot change what bundle.json seals."""
    site = load_site(own)
    network = "bundle/network.small.onnx"
    files = tuple(
        one.model_copy(update={"sha256": "0" * 64}) if one.path == network else one for one in site.files
    )
    assert f"file '{network}' is not the one that bundle.json seals" in check_files(
        own, site.model_copy(update={"files": files})
    )
