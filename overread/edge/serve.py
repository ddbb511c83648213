"""Serve a site to a browser: compressed, checked for changes, and with the headers that threads need."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from overread.edge.precompress import COMPRESSED

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request

ISOLATION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Threads in a page need the first two on every response, also of scripts and models."""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; media-src 'self' blob:; "
    "base-uri 'none'; form-action 'none'"
)
"""What index.html says too; only as a header does it bind the workers, which read the photographs."""

SAFETY = {
    "Content-Security-Policy": f"{CONTENT_SECURITY_POLICY}; frame-ancestors 'none'",
    "Permissions-Policy": "geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

CHECK_AGAIN, NEVER_CHANGES = "no-cache", "public, max-age=31536000, immutable"
"""Names in assets/ carry a hash of the content; everything else is asked for again, and mostly not sent."""

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".onnx": "application/octet-stream",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
}
"""Python asks the system's tables, which lack half of these on some machines."""

_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))


def site_app(folder: Path, *, isolated: bool = True) -> Starlette:
    """An ASGI app that serves a site's files.

    Args:
        folder: The site; a new one that is swapped in is served from then on.
        isolated: Whether to send the headers of isolation and safety; a plain static host sends none.
    """
    from starlette.applications import Starlette
    from starlette.responses import FileResponse, PlainTextResponse, Response
    from starlette.routing import Route

    always = ISOLATION | SAFETY if isolated else {}

    async def answer(request: Request) -> Response:
        path = find_file(folder, request.path_params["path"])
        if path is None:
            return PlainTextResponse("There is no such file.\n", 404, headers=always)
        sent, encoding = _smallest(path, request)
        headers = {**always, **_headers(path.relative_to(folder), encoding), "ETag": _tag(sent)}
        if headers["ETag"] in re.split(r"\s*,\s*", request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=headers)
        return FileResponse(sent, headers=headers)

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "HEAD"])])


def find_file(folder: Path, path: str) -> Path | None:
    """The file that a URL's path means; None where there is none, or none to show.

    Hidden files and compressed ones under their own name are not shown, and nothing outside the folder is.
    """
    parts = path.split("/")
    if parts[-1] == "":
        parts[-1] = "index.html"
    if any(part in {"", ".."} or part.startswith(".") or "\\" in part or "\0" in part for part in parts):
        return None
    found = folder.joinpath(*parts)
    try:
        shown = found.suffix not in COMPRESSED and found.is_file()
        return found if shown and found.resolve().is_relative_to(folder.resolve()) else None
    except OSError:  # a name that is too long, or a folder that is not ours to read
        return None


def accepted(header: str, encoding: str) -> bool:
    """Whether an Accept-Encoding allows one (RFC 9110, 12.5.3).

    Example:
        >>> accepted("gzip, br;q=0", "br"), accepted("gzip, *;q=0.5", "br")
        (False, True)
    """
    weights = {}
    for part in header.lower().split(","):
        name, _, rest = part.strip().partition(";")
        weight = re.fullmatch(r"\s*q\s*=\s*([0-9.]+)\s*", rest)
        weights[name.strip()] = float(weight[1]) if weight and weight[1].count(".") < 2 else 1.0
    return weights.get(encoding, weights.get("*", 0.0)) > 0


def _smallest(path: Path, request: Request) -> tuple[Path, str]:
    """The file to send, and its encoding. A range counts bytes of what is sent: it gets the file itself."""
    asked = request.headers.get("accept-encoding", "")
    for encoding, suffix in () if "range" in request.headers else _ENCODINGS:
        smaller = path.with_name(path.name + suffix)
        if accepted(asked, encoding) and smaller.is_file():
            return smaller, encoding
    return path, ""


def _headers(path: Path, encoding: str) -> dict[str, str]:
    return {
        "Content-Type": MEDIA_TYPES.get(path.suffix, "application/octet-stream"),
        "Cache-Control": NEVER_CHANGES if path.parts[0] == "assets" else CHECK_AGAIN,
        "Vary": "Accept-Encoding",
        **({"Content-Encoding": encoding} if encoding else {}),
    }


def _tag(path: Path) -> str:
    """A strong ETag of the very bytes that are sent: a rewritten site sends only what has changed."""
    told = path.stat()
    return f'"{_hash(path, told.st_mtime_ns, told.st_size)[:32]}"'


@lru_cache(maxsize=256)
def _hash(path: Path, changed: int, size: int) -> str:
    del changed, size  # a file that was written anew is hashed anew
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
