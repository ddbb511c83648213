"""Serve a site to a browser, with the headers that threads need on every response."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.applications import Starlette

ISOLATION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""Threads in a page need the first two on every response, also of scripts and models."""


def site_app(folder: Path, *, isolated: bool = True) -> Starlette:
    """An ASGI app that serves a site's files.

    Args:
        folder: The site.
        isolated: Whether to send the headers of cross-origin isolation; a plain static host does not.
    """
    from starlette.applications import Starlette
    from starlette.routing import Mount
    from starlette.staticfiles import StaticFiles

    class _Files(StaticFiles):
        def file_response(self, *args: Any, **kwargs: Any) -> Any:
            response = super().file_response(*args, **kwargs)
            response.headers["Cache-Control"] = "no-cache"
            if isolated:
                response.headers.update(ISOLATION)
            return response

    return Starlette(routes=[Mount("/", _Files(directory=folder, html=True))])
