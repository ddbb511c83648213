"""A bundle and the built app together make a static site: which files, and site.json that says so.

The browser's half of this contract is web/src/reader/site.ts.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from overread import __version__
from overread.bundle.read import NETWORK_NAME, PREPROCESS_NAME, Bundle
from overread.bundle.seal import MANIFEST_NAME
from overread.bundle.selftest import EXPECTED_NAME, FOLDER
from overread.bundle.small import EXPECTED_SMALL_NAME, SMALL_NAME
from overread.bundle.store import open_store
from overread.engine import write_atomically
from overread.errors import BundleError, UsageError
from overread.imaging import decode

SITE_NAME, WORKER_NAME, BUNDLE_FOLDER = "site.json", "sw.js", "bundle"
APP = Path(__file__).parent / "app"
"""What the web build made; the wheel carries it, a checkout makes it with `make web`."""
STAMP_NAME = ".stamp"
"""Beside the app: the hash of the sources that it was built of (web/build.py)."""

_Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SiteFile(_Part):
    """One file of a site.

    Args:
        path: Below the site's folder, with slashes.
        sha256: Of its bytes.
        bytes: How many.
        precache: Whether a browser keeps it for offline use at once.
    """

    path: str
    sha256: _Hash
    bytes: int = Field(ge=0)
    precache: bool = True


class Site(_Part):
    """The content of site.json.

    Args:
        schema_version: Of this format.
        overread: Version that wrote it.
        bundle: name@version, with +small where the small network reads.
        bundle_digest: SHA-256 of bundle.json.
        digest: SHA-256 over "path sha256" lines of all files, sorted: the site's version.
        network: Path of the network that reads.
        small: Whether that is the small one.
        expected: Path of what the self-test's pictures must give.
        pixels: Self-test picture → SHA-256 of its decoded pixels, uint8 [height, width, 3].
        figures: Of evaluation.json.
        files: All of the site's, without site.json and the service worker.
    """

    schema_version: Literal[1] = 1
    overread: str
    bundle: str
    bundle_digest: _Hash
    digest: _Hash
    network: str
    small: bool
    expected: str
    pixels: dict[str, _Hash]
    figures: dict[str, dict[str, float | None]] = {}
    files: tuple[SiteFile, ...]


def write_site(
    bundle: Path, out: Path, *, network: Literal["auto", "small", "full"] = "auto", app: Path = APP
) -> Site:
    """Write a bundle as a static site.

    Args:
        bundle: Its folder or zip; every hash of it is checked.
        out: The site's folder; made anew.
        network: "auto" takes the small network where the bundle has one.
        app: What the web build made.

    Raises:
        BundleError: The bundle is damaged, or has no small network though it was asked for.
        UsageError: The app was not built.
    """
    if not (app / "index.html").is_file():
        raise UsageError("the web app was not built", where=f"folder '{app}'", todo="run `make web`")
    full = Bundle.load(bundle)
    small = network == "small" or (network == "auto" and full.manifest.small is not None)
    reader = Bundle.load(bundle, small=True) if small else full
    names = [PREPROCESS_NAME, SMALL_NAME if small else NETWORK_NAME, "MODEL_CARD.md"]
    pictures = sorted(
        name
        for name in full.manifest.files
        if name.startswith(f"{FOLDER}/") and Path(name).suffix in {".jpg", ".png"}
    )
    expected = EXPECTED_SMALL_NAME if small else EXPECTED_NAME
    contents = {f"{BUNDLE_FOLDER}/{name}": full.file(name) for name in [*names, expected, *pictures]}
    contents[f"{BUNDLE_FOLDER}/bundle.json"] = _manifest_bytes(bundle)
    for path in sorted(app.rglob("*")):
        if path.is_file() and path.name not in {WORKER_NAME, STAMP_NAME}:
            contents[path.relative_to(app).as_posix()] = path.read_bytes()
    files = tuple(
        SiteFile(path=path, sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
        for path, content in sorted(contents.items())
    )
    site = Site(
        overread=__version__,
        bundle=reader.manifest.label,
        bundle_digest=full.digest,
        digest=hashlib.sha256("".join(f"{one.path} {one.sha256}\n" for one in files).encode()).hexdigest(),
        network=f"{BUNDLE_FOLDER}/{SMALL_NAME if small else NETWORK_NAME}",
        small=small,
        expected=f"{BUNDLE_FOLDER}/{expected}",
        pixels={Path(name).name: _pixels_of(contents[f"{BUNDLE_FOLDER}/{name}"]) for name in pictures},
        files=files,
    )
    _write(out, contents, site, worker=(app / WORKER_NAME).read_bytes())
    return site


def load_site(folder: Path) -> Site:
    """Read a site's site.json.

    Raises:
        BundleError: It is missing or is none.
    """
    path = folder / SITE_NAME
    try:
        return Site.model_validate_json(path.read_bytes(), strict=False)
    except OSError as error:
        raise BundleError(
            "is no site", where=f"folder '{folder}'", todo="write one with `overread edge BUNDLE -o SITE`"
        ) from error
    except ValidationError as error:
        raise BundleError("is not what describes a site", where=f"file '{path}'") from error


def _manifest_bytes(bundle: Path) -> bytes:
    with open_store(bundle).open(MANIFEST_NAME) as stream:
        return stream.read()


def _pixels_of(content: bytes) -> str:
    return hashlib.sha256(decode(content).data).hexdigest()


def _write(out: Path, contents: Mapping[str, bytes], site: Site, *, worker: bytes) -> None:
    if out.exists():
        shutil.rmtree(out)
    for path, content in contents.items():
        target = out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, content)
    told = json.dumps({"digest": site.digest, "files": [one.model_dump() for one in site.files]})
    write_atomically(out / WORKER_NAME, f"self.OVERREAD_SITE = {told};\n".encode() + worker)
    write_atomically(out / SITE_NAME, (site.model_dump_json(indent=1) + "\n").encode())
