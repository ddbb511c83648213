"""Python's half of a check, on a made site."""

from __future__ import annotations

from pathlib import Path

import pytest

from overread.bundle import Bundle
from overread.edge import load_site
from overread.edge.check.in_python import open_reader, read_in_python
from overread.edge.check.photograph import list_photographs
from overread.errors import BundleError
from tests.bundle.conftest import encode, make_pixels


def test_python_reads_with_the_network_of_the_site(
    made_site: Path, made_bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(encode(make_pixels()))
    (tmp_path / "b.png").write_bytes(b"no picture")
    reader = open_reader(made_site, load_site(made_site))
    read, rejected = (read_in_python(reader, photograph) for photograph in list_photographs(tmp_path))
    wanted, full = (Bundle.load(made_bundle, small=small).read([tmp_path / "a.png"])[0] for small in (1, 0))
    assert (read.decision, read.scores[0], read.sha256) == (wanted.decision, wanted.scores[0], wanted.sha256)
    assert read.scores[0] != full.scores[0]
    assert (rejected.decision, rejected.reject) == (None, "not-an-image")


def test_a_site_without_its_network_is_said(made_site: Path, tmp_path: Path) -> None:
    site = load_site(made_site)
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle/bundle.json").write_bytes((made_site / "bundle/bundle.json").read_bytes())
    with pytest.raises(BundleError, match="lacks a file that reading needs; write it anew"):
        open_reader(tmp_path, site)
