"""A bundle and the built app together make a static site: which files, and site.json that says so.

The browser's half of this contract is web/src/reader/site.ts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from overread import __version__
from overread.bundle.read import NETWORK_NAME, PREPROCESS_NAME, Bundle
from overread.bundle.seal import MANIFEST_NAME
from overread.bundle.selftest import EXPECTED_NAME, FOLDER
from overread.bundle.small import EXPECTED_SMALL_NAME, SMALL_NAME
from overread.bundle.store import open_store
from overread.edge.plan import PLAN_NAME, REST_NAME, Plan, make_plan
from overread.edge.precompress import COMPRESSED, precompress
from overread.edge.swap import swapped_in
from overread.edge.web_manifest import WEB_MANIFEST_NAME, named_after
from overread.errors import BundleError, UsageError
from overread.imaging import decode
from overread.progress import SILENT, Progress

SITE_NAME, WORKER_NAME, BUNDLE_FOLDER = "site.json", "sw.js", "bundle"
CARD_NAME, EVALUATION_NAME = "MODEL_CARD.md", "evaluation.json"
WEBGPU_FOLDER = "assets/webgpu/"
"""What only the runtime for graphics processors needs; see web/vite.config.ts."""
APP = Path(__file__).parent / "app"
"""What the web build made; the wheel carries it, a checkout makes it with `make web`."""
STAMP_NAME = ".stamp"
"""Beside the app: the hash of the sources that it was built of (web/build.py)."""

# File managers drop these into every folder that they show.
_LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
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
        plan: Path of what the browser's own kernels do of it; null where they cannot.
        rest: Path of what onnxruntime then does; null with `plan`.
        expected: Path of what the self-test's pictures must give.
        pixels: Self-test picture → SHA-256 of its decoded pixels, uint8 [height, width, 3].
        figures: Of evaluation.json, as `overread.edge.figures` picks them; none where it was not evaluated.
        files: All of the site's, without site.json and the service worker.
    """

    schema_version: Literal[1] = 1
    overread: str
    bundle: str
    bundle_digest: _Hash
    digest: _Hash
    network: str
    small: bool
    plan: str | None = None
    rest: str | None = None
    expected: str
    pixels: dict[str, _Hash]
    figures: dict[str, dict[str, float | None]] = {}
    files: tuple[SiteFile, ...]


def write_site(
    bundle: Path,
    out: Path,
    *,
    network: Literal["auto", "small", "full"] = "auto",
    webgpu: bool = False,
    app: Path = APP,
    progress: Progress = SILENT,
) -> Site:
    """Write a bundle as a static site.

    The site takes its place when it is whole; until then, and if the process ends, what stood at `out` stays.
    The same bundle gives the same bytes.

    Args:
        bundle: Its folder or zip; every hash of it is checked.
        out: The site's folder. A site that stands there is replaced, anything else is left alone.
        network: "auto" takes the small network where the bundle has one.
        webgpu: Bring the runtime for graphics processors too; a page fetches it only where it tries it.
        app: What the web build made.
        progress: Where to show it.

    Raises:
        BundleError: The bundle is damaged, or has no small network though it was asked for.
        UsageError: The app was not built, or `out` holds something else.
    """
    if not (app / "index.html").is_file():
        raise UsageError("the web app was not built", where=f"folder '{app}'", todo="run `make web`")
    if webgpu and not (app / WEBGPU_FOLDER).is_dir():
        raise UsageError(
            "the web app was built without WebGPU", where=f"folder '{app}'", todo="run `make web`"
        )
    refuse_strangers(out)
    full = Bundle.load(bundle)
    small = network == "small" or (network == "auto" and full.manifest.small is not None)
    reader = Bundle.load(bundle, small=True) if small else full
    model = SMALL_NAME if small else NETWORK_NAME
    expected = EXPECTED_SMALL_NAME if small else EXPECTED_NAME
    listed = full.manifest.files
    pictures = sorted(
        name for name in listed if name.startswith(f"{FOLDER}/") and Path(name).suffix in {".jpg", ".png"}
    )
    names = [PREPROCESS_NAME, model, expected, *pictures, *({CARD_NAME} & set(listed))]
    contents, compressed = _app_files(app, webgpu=webgpu)
    contents |= {f"{BUNDLE_FOLDER}/{name}": full.file(name) for name in names}
    planned = _planned(full.file(model), progress)
    if planned is not None:
        contents[f"{BUNDLE_FOLDER}/{PLAN_NAME}"] = planned[0].to_json()
        contents[f"{BUNDLE_FOLDER}/{REST_NAME}"] = planned[1]
    contents[f"{BUNDLE_FOLDER}/{MANIFEST_NAME}"] = _manifest_bytes(bundle, full.digest)
    contents[WEB_MANIFEST_NAME] = named_after(contents[WEB_MANIFEST_NAME], full.manifest.name)
    files = tuple(
        SiteFile(
            path=path,
            sha256=hashlib.sha256(content).hexdigest(),
            bytes=len(content),
            precache=not path.startswith(WEBGPU_FOLDER),
        )
        for path, content in sorted(contents.items())
    )
    site = Site(
        overread=__version__,
        bundle=reader.manifest.label,
        bundle_digest=full.digest,
        digest=digest_of(files),
        network=f"{BUNDLE_FOLDER}/{model}",
        small=small,
        plan=f"{BUNDLE_FOLDER}/{PLAN_NAME}" if planned else None,
        rest=f"{BUNDLE_FOLDER}/{REST_NAME}" if planned else None,
        expected=f"{BUNDLE_FOLDER}/{expected}",
        pixels={Path(name).name: _pixels_of(contents[f"{BUNDLE_FOLDER}/{name}"]) for name in pictures},
        figures=_figures(full),
        files=files,
    )
    contents[SITE_NAME] = (site.model_dump_json(indent=1) + "\n").encode()
    contents[WORKER_NAME] = _worker((app / WORKER_NAME).read_bytes(), site, contents[SITE_NAME])
    with progress.task("compressing the site", total=1) as task:
        smaller, left_out = precompress(contents, known=compressed)
        task.advance()
    if left_out:
        progress.note(left_out)
    with swapped_in(out) as folder:
        for path, content in (contents | smaller).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    return site


def digest_of(files: Iterable[SiteFile]) -> str:
    """A site's version: SHA-256 over the lines "path sha256" of its files, sorted by path."""
    lines = "".join(f"{one.path} {one.sha256}\n" for one in sorted(files, key=lambda one: one.path))
    return hashlib.sha256(lines.encode()).hexdigest()


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
        raise BundleError(
            "is not what describes a site", where=f"file '{path}'", todo="write the site anew"
        ) from error


def refuse_strangers(out: Path) -> None:
    """Raise UsageError where a folder holds anything that is not of a site that Overread wrote."""
    if not out.exists() and not out.is_symlink():
        return
    where = f"'{out}'"
    if not out.is_dir():
        raise UsageError("expected a folder for the site, got a file", where=where, todo="name another")
    present = {path.relative_to(out).as_posix() for path in out.rglob("*") if not path.is_dir()}
    if not present - _LITTER:
        return
    own = {SITE_NAME, WORKER_NAME}
    if SITE_NAME in present:
        own |= {one.path for one in load_site(out).files}
    strangers = sorted(present - {path + end for path in own for end in ("", *COMPRESSED)} - _LITTER)
    if strangers:
        raise UsageError(
            f"holds '{strangers[0]}', which is of no site of Overread",
            where=f"folder {where}",
            todo="name another folder, or move that away",
        )


def _planned(network: bytes, progress: Progress) -> tuple[Plan, bytes] | None:
    try:
        return make_plan(network)
    except ModuleNotFoundError as error:
        if error.name != "onnx":
            raise
        progress.note(
            "the package 'onnx' is not installed, so phones read at half the speed; "
            "pip install 'overread[edge]' and write the site again"
        )
        return None


def _app_files(app: Path, *, webgpu: bool) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The app's files, and what of them the build compressed already."""
    files = {path.relative_to(app).as_posix(): path for path in sorted(app.rglob("*")) if path.is_file()}
    kept = {
        path: source.read_bytes()
        for path, source in files.items()
        if path not in {WORKER_NAME, STAMP_NAME} and (webgpu or not path.startswith(WEBGPU_FOLDER))
    }
    packed = {path for path in kept if path.endswith(COMPRESSED)}
    return {path: kept[path] for path in kept if path not in packed}, {path: kept[path] for path in packed}


def _worker(script: bytes, site: Site, document: bytes) -> bytes:
    """The service worker with the version that it keeps: by other bytes a browser knows a new one."""
    told = {
        "digest": site.digest,
        "site": hashlib.sha256(document).hexdigest(),
        "files": [one.model_dump() for one in site.files],
    }
    return f"self.OVERREAD_SITE = {json.dumps(told)};\n".encode() + script


def _figures(bundle: Bundle) -> dict[str, dict[str, float | None]]:
    from overread.edge.figures import shown_figures  # evaluation is not needed where there is none

    if EVALUATION_NAME not in bundle.manifest.files:
        return {}
    where = f"bundle '{bundle.path}', file '{EVALUATION_NAME}'"
    return shown_figures(bundle.file(EVALUATION_NAME), where=where)


def _manifest_bytes(bundle: Path, digest: str) -> bytes:
    with open_store(bundle).open(MANIFEST_NAME) as stream:
        content = stream.read()
    if hashlib.sha256(content).hexdigest() != digest:
        raise BundleError("was changed while it was read", where=f"bundle '{bundle}'", todo="try again")
    return content


def _pixels_of(content: bytes) -> str:
    return hashlib.sha256(decode(content).data).hexdigest()
