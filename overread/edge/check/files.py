"""Whether a site's files are those that it was made of."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

from overread.bundle.seal import MANIFEST_NAME, unseal
from overread.edge.site import BUNDLE_FOLDER, SITE_NAME, WORKER_NAME, Site, SiteFile
from overread.errors import BundleError

_SMALLER = (".br", ".gz")
_CLOSED = ("assets/", f"{BUNDLE_FOLDER}/")
_TOLD = "self.OVERREAD_SITE = "


def check_files(folder: Path, site: Site) -> list[str]:
    """What is wrong with a site's files: a sentence each, none where all are as site.json says."""
    return [
        *_changed(folder, site),
        *_strangers(folder, site),
        *_compressed(folder, site),
        *_worker(folder, site),
        *_bundle(folder, site),
    ]


def _changed(folder: Path, site: Site) -> Iterator[str]:
    for one in site.files:
        path = folder / one.path
        if not path.is_file():
            yield f"file '{one.path}' is missing"
        elif _hash(path) != one.sha256:
            yield f"file '{one.path}' was changed since the site was written"
    lines = "".join(f"{one.path} {one.sha256}\n" for one in sorted(site.files, key=_by_path))
    if hashlib.sha256(lines.encode()).hexdigest() != site.digest:
        yield f"file '{SITE_NAME}' lists other files than its digest stands for"


def _strangers(folder: Path, site: Site) -> Iterator[str]:
    """A host's own files may lie beside ours, but not where nobody would look for them."""
    known = {one.path + end for one in site.files for end in ("", *_SMALLER)}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name.startswith(_CLOSED) and path.is_file() and name not in known:
            yield f"file '{name}' is not of the site"


def _compressed(folder: Path, site: Site) -> Iterator[str]:
    for path in [*(one.path for one in site.files), SITE_NAME, WORKER_NAME]:
        for suffix in _SMALLER:
            smaller = folder / (path + suffix)
            if smaller.is_file() and (folder / path).is_file() and not _is_of(smaller, folder / path):
                yield f"file '{path}{suffix}' does not unpack to the file beside it"


def _is_of(smaller: Path, path: Path) -> bool:
    content = smaller.read_bytes()
    try:
        if smaller.suffix == ".gz":
            return gzip.decompress(content) == path.read_bytes()
        import brotli  # type: ignore[import-untyped,unused-ignore]
    except ModuleNotFoundError:
        return True  # a browser will unpack it, and checks the hash of what comes out
    except (OSError, EOFError, zlib.error):
        return False
    try:
        return bool(brotli.decompress(content) == path.read_bytes())
    except brotli.error:
        return False


def _worker(folder: Path, site: Site) -> Iterator[str]:
    path = folder / WORKER_NAME
    if not path.is_file():
        yield f"file '{WORKER_NAME}' is missing"
        return
    line = path.read_text("utf-8", errors="replace").partition("\n")[0]
    try:
        told = json.loads(line.removeprefix(_TOLD).removesuffix(";"))
        files = {(one["path"], one["sha256"]) for one in told["files"]}
        fits = told["digest"] == site.digest and files == {(one.path, one.sha256) for one in site.files}
    except (ValueError, KeyError, TypeError):
        fits = False
    if not fits:
        yield f"file '{WORKER_NAME}' is of another version than '{SITE_NAME}'"


def _bundle(folder: Path, site: Site) -> Iterator[str]:
    path = folder / BUNDLE_FOLDER / MANIFEST_NAME
    if not path.is_file():
        return  # said above
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != site.bundle_digest:
        yield f"file '{BUNDLE_FOLDER}/{MANIFEST_NAME}' is of another bundle than '{SITE_NAME}' says"
    try:
        sealed = unseal(content, where=f"file '{BUNDLE_FOLDER}/{MANIFEST_NAME}'").files
    except BundleError as error:
        yield str(error)
        return
    # What was made of the network for speed lies beside it: the self-test stands for that.
    for one in site.files:
        name = one.path.removeprefix(f"{BUNDLE_FOLDER}/")
        if one.path != name and sealed.get(name, one.sha256) != one.sha256:
            yield f"file '{one.path}' is not the one that {MANIFEST_NAME} seals"


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _by_path(one: SiteFile) -> str:
    return one.path
