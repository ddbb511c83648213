from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from overread.edge import check, load_site, write_site
from overread.edge import site as site_module
from tests.cli.conftest import call
from tests.edge.conftest import bundle_path, made_app, made_bundle, made_site  # noqa: F401


@pytest.fixture(autouse=True)
def _app(made_app: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """Pages made by hand stand in for the built ones."""
    defaults = write_site.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "app", made_app)
    monkeypatch.setattr(site_module, "APP", made_app)


def test_a_bundle_becomes_a_site(made_bundle: Path, tmp_path: Path) -> None:  # noqa: F811
    said = call("edge", made_bundle, "-o", tmp_path / "site", "--json")
    assert (said.code, said.err) == (0, "")
    site = load_site(tmp_path / "site")
    told = said.json
    assert {name: told[name] for name in ("site", "bundle", "digest", "network", "small", "files")} == {
        "site": str(tmp_path / "site"),
        "bundle": "skin@1.0.0+small",
        "digest": site.digest,
        "network": "bundle/network.small.onnx",
        "small": True,
        "files": len(site.files),
    }
    assert told["load_bytes"]["br"] < told["load_bytes"]["gz"] < told["load_bytes"]["raw"]


def test_a_person_is_told_what_a_first_visit_loads(made_bundle: Path, tmp_path: Path) -> None:  # noqa: F811
    said = call("edge", made_bundle, "-o", tmp_path / "site", "--network", "full")
    assert said.code == 0
    assert f"wrote {tmp_path / 'site'}: skin@1.0.0 as a page" in said.out
    assert "MB compressed" in said.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "expected a bundle"),
        (["--check", "SITE", "--serve"], "--check looks at a site that is there"),
        (["BUNDLE", "--check", "SITE"], "--check looks at a site that is there"),
        (["BUNDLE", "--images", "folder"], "belong to --check"),
        (["BUNDLE", "--browser", "firefox"], "belong to --check"),
    ],
)
def test_what_does_not_go_together_is_said(arguments: list[str], sentence: str) -> None:
    said = call("edge", *arguments)
    assert said.code == 2
    assert sentence in said.err
    assert said.out == ""


def test_a_folder_that_is_no_site_is_left_alone(made_bundle: Path, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "thesis.tex").write_text("mine")
    said = call("edge", made_bundle, "-o", tmp_path)
    assert said.code == 2
    assert "thesis.tex" in said.err
    assert (tmp_path / "thesis.tex").read_text() == "mine"


def test_serving_what_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    said = call("edge", "-o", tmp_path / "none", "--serve")
    assert said.code == 1
    assert "is no site" in said.err
    assert said.err.count("\n") == 1


class _Found:
    def __init__(self, *, ok: bool) -> None:
        self.ok = ok

    def describe(self) -> dict[str, Any]:
        browser = {
            "version": "150",
            "same_decision": 3,
            "max_abs_score_difference": 2e-6,
            "same_rejection": 1,
            "selftest": {"passed": True},
            "offline": True,
        }
        return {
            "ok": self.ok,
            "bundle": "skin@1.0.0",
            "files": 12,
            "images": 3,
            "rejected": 1,
            "foreign_requests": 0,
            "browsers": {"chromium": browser},
            "not_started": {"firefox": "it is not here"},
            "problems": [] if self.ok else ["file 'sw.js' is missing"],
        }


@pytest.mark.parametrize("ok", [True, False])
def test_a_check_says_what_it_found_and_fails_where_anything_differs(
    made_site: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    ok: bool,
) -> None:
    asked: dict[str, Any] = {}

    def stand_in(folder: Path, **settings: Any) -> _Found:
        asked.update(settings, folder=folder)
        return _Found(ok=ok)

    monkeypatch.setattr(check, "check_site", stand_in)
    names = ["--images", "photographs", "--browser", "firefox", "--browser", "chromium"]
    said = call("edge", "--check", made_site, *names)
    assert said.code == (0 if ok else 1)
    assert (asked["folder"], asked["images"]) == (made_site, Path("photographs"))
    assert asked["browsers"] == ["firefox", "chromium"]
    told = " ".join(said.out.split())
    assert "chromium 150: 3 of 3 images decided as in Python, scores within 2e-06" in told
    assert "self-test passed; reads offline" in told
    assert ("is as it should be" in told) is ok
    assert ("file 'sw.js' is missing" in said.err) is not ok
    assert "firefox was left out" in said.err
    plain = call("edge", "--check", made_site, "--json")
    assert plain.code == (0 if ok else 1)
    assert plain.json["images"] == 3
    assert asked["browsers"] is None


def test_a_site_is_served_to_a_network_behind_its_token_until_ctrl_c(made_site: Path) -> None:  # noqa: F811
    command = [
        sys.executable,
        "-c",
        "from overread.cli import main; main()",
        "edge",
        "-o",
        str(made_site),
        "--serve",
        "--json",
    ]
    command += ["--host", "0.0.0.0", "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        told = ""
        for line in process.stdout:
            told += line
            if line == "}\n":
                break
        hint = process.stderr.readline()
        url = json.loads(told)["url"]
        port = url.split(":")[2].split("/")[0]
        here = f"http://127.0.0.1:{port}/"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(here, timeout=60)
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with opener.open(f"{here}?{url.partition('?')[2]}", timeout=60) as answer:
            assert answer.url == here
            assert answer.read() == (made_site / "index.html").read_bytes()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert "--certificate" in hint
        assert process.stderr.read() == "", "no visitor, no path and no traceback is written"
