"""`overread edge --check`: what it says of good and of bad sites, in real browsers."""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image

from overread.edge.browsers import BrowserName
from overread.edge.check import check_site
from overread.errors import OverreadError, UsageError
from tests.browser.conftest import TESTED_APP, MakeSite
from tests.bundle.conftest import make_pixels

pytestmark = pytest.mark.browser

SHARED = Path(os.environ.get("OVERREAD_SHARED", "../shared")) / "data/skin/train"
READ, REJECTED = 7, 3
ELSEWHERE = "https://elsewhere.invalid/beacon"


def encoded(pixels: np.ndarray, kind: str, **settings: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **settings)
    return stream.getvalue()


def exif_first(jpeg: bytes) -> bytes:
    """As cameras write it: without a JFIF segment before EXIF."""
    assert jpeg[2:4] == b"\xff\xe0"
    return jpeg[:2] + jpeg[4 + int.from_bytes(jpeg[4:6]) :]


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven that can be read, and three that cannot."""
    folder = tmp_path_factory.mktemp("photographs")
    turned = Image.Exif()
    turned[0x0112] = 6
    plain, rgba = make_pixels(1, 90, 120), make_pixels(2)
    contents = {
        "plain.jpg": encoded(plain, "JPEG", quality=90),
        "progressive.jpeg": encoded(make_pixels(3, 130, 70), "JPEG", progressive=True),
        "grey.jpg": encoded(make_pixels(4)[..., 1], "JPEG"),
        "turned.jpg": encoded(plain, "JPEG", exif=turned.tobytes()),
        "deep/camera.JPG": exif_first(encoded(plain, "JPEG", exif=turned.tobytes())),
        "deep/plain.png": encoded(make_pixels(5), "PNG"),
        "alpha.png": encoded(np.dstack([rgba, rgba[..., 0]]), "PNG"),
        "truncated.jpg": encoded(plain, "JPEG")[:900],
        "empty.png": b"",
        "text.jpg": b"This is no photograph.\n",
    }
    for name, content in contents.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.firefox
def test_both_browsers_read_as_python_does(site: Path, photographs: Path) -> None:
    found = check_site(site, images=photographs, browsers=["chromium", "firefox"])
    told = json.loads(json.dumps(found.describe(), allow_nan=False))
    assert told["problems"] == []
    assert found.ok
    assert (told["images"], told["same_decision"]) == (READ, READ)
    assert (told["rejected"], told["same_rejection"]) == (REJECTED, REJECTED)
    assert told["max_abs_score_difference"] <= 1e-5
    assert (told["selftest"], told["offline"], told["foreign_requests"]) == (True, True, 0)
    assert told["differing"] == []
    assert list(told["browsers"]) == ["chromium", "firefox"]
    for one in told["browsers"].values():
        assert (one["same_decision"], one["same_reason"]) == (READ, REJECTED)
        assert one["runtime"]["isolated"]
        # All that is kept came once, compressed: 1 % for what a browser asks for besides.
        assert told["load_bytes"]["br"] * 0.99 <= one["first_load_bytes"] <= told["load_bytes"]["gz"] * 1.01


def test_a_changed_network_is_named_and_refused(site: Path, photographs: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(site, tmp_path / "site"))
    network = own / "bundle/network.onnx"
    model = onnx.load(network)
    weights = next(one for one in model.graph.initializer if one.name == "head")
    weights.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weights) * 2, "head"))
    network.write_bytes(model.SerializeToString())
    for smaller in own.glob("bundle/network.onnx.*"):
        smaller.unlink()
    found = check_site(own, images=photographs, browsers=["chromium"])
    told = found.describe()
    assert not found.ok
    assert "file 'bundle/network.onnx' was changed since the site was written" in told["problems"]
    assert any("opening failed (changed-file: bundle/network.onnx" in one for one in told["problems"])
    assert (told["images"], told["same_decision"], told["max_abs_score_difference"]) == (READ, 0, None)
    assert (told["selftest"], told["offline"]) == (False, False)


@pytest.mark.parametrize(
    "name",
    ["chromium", pytest.param("firefox", marks=[pytest.mark.firefox, pytest.mark.exhaustive])],
)
def test_a_page_that_asks_elsewhere_and_keeps_nothing_is_caught(
    name: BrowserName, make_site: MakeSite, photographs: Path, tmp_path: Path
) -> None:
    app = Path(shutil.copytree(TESTED_APP, tmp_path / "app"))
    (script,) = app.glob("assets/index-*.js")
    script.write_text(script.read_text() + f'\nfetch("{ELSEWHERE}").catch(() => 0);\n')
    (app / "sw.js").write_text("self.addEventListener('fetch', () => {});\n")
    found = check_site(make_site(app=app), images=photographs / "deep", browsers=[name])
    told = found.describe()
    assert not found.ok
    assert (told["images"], told["same_decision"], told["selftest"]) == (2, 2, True)
    assert (told["offline"], told["foreign_requests"]) == (False, 1)
    assert f"{name}: the page asked for what is not of the site: {ELSEWHERE}" in told["problems"]


def test_the_command_leaves_out_what_does_not_start_and_prints_json(
    site: Path, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "firefox"
    broken.write_text("#!/bin/sh\necho no display >&2\nexit 1\n")
    broken.chmod(broken.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("OVERREAD_FIREFOX", str(broken))
    command = [Path(sys.executable).with_name("overread"), "edge", "--check", site, "--json"]
    done = subprocess.run([*command, "--images", photographs / "deep"], capture_output=True, check=False)
    told = json.loads(done.stdout)
    assert (done.returncode, told["images"], told["same_decision"]) == (0, 2, 2)
    assert told["max_abs_score_difference"] <= 1e-5
    assert list(told["browsers"]) == ["chromium"]
    assert "does not start" in told["not_started"]["firefox"]
    with pytest.raises(OverreadError, match="does not start"):
        check_site(site, browsers=["firefox"])


def test_without_a_browser_it_says_what_to_install(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match=r"no browser on this machine; install one .*chromium.*CHROMIUM"):
        check_site(site)
    with pytest.raises(UsageError, match=r"no firefox on this machine; .*firefox-esr.*OVERREAD_FIREFOX"):
        check_site(site, browsers=["firefox"])


def test_a_browser_that_is_named_and_not_there_is_no_other(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERREAD_CHROMIUM", str(tmp_path / "chromium"))
    with pytest.raises(UsageError, match=r"OVERREAD_CHROMIUM is '.*chromium', which is no program"):
        check_site(site)


@pytest.mark.parametrize(
    ("damaged", "why"),
    [
        ("sw.js", "the browser does not take its service worker"),
        ("icons/*.svg", "not every file could be kept"),
    ],
)
def test_a_site_that_cannot_be_kept_is_told_at_once(
    damaged: str, why: str, site: Path, tmp_path: Path
) -> None:
    own = Path(shutil.copytree(site, tmp_path / "site"))
    for path in (*own.glob(damaged), *own.glob(f"{damaged}.*")):
        path.unlink()
    told = check_site(own, browsers=["chromium"]).describe()
    assert f"chromium: cannot keep the site for offline use: {why}" in told["problems"]
    assert (told["selftest"], told["offline"]) == (True, False)


@pytest.mark.shared
@pytest.mark.firefox
@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data")
def test_real_photographs_are_decided_alike(site: Path, tmp_path: Path) -> None:
    for label in ("benign", "malignant"):
        for photograph in sorted((SHARED / label).iterdir())[::5]:
            (tmp_path / f"{label}-{photograph.name}").symlink_to(photograph.resolve())
    told = check_site(site, images=tmp_path, browsers=["chromium", "firefox"]).describe()
    assert told["problems"] == []
    assert (told["images"], told["same_decision"]) == (40, 40)
    assert told["max_abs_score_difference"] <= 1e-5
