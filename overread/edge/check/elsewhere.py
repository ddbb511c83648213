"""Addresses elsewhere that a site's page tried to reach: asked for, or refused by its own rules."""

from __future__ import annotations

import re
from collections.abc import Iterable

_ADDRESS = re.compile(r"(?:https?|wss?)://[^\s'\"\\)]+")


def foreign(urls: Iterable[str], *, own: str) -> set[str]:
    """Those that are not of the site.

    Example:
        >>> asked = ["http://127.0.0.1:80/a.js", "blob:http://127.0.0.1:80/1", "https://b.invalid/"]
        >>> foreign(asked, own="http://127.0.0.1:80/")
        {'https://b.invalid/'}
    """
    return {url for url in urls if _ADDRESS.match(url) and not url.startswith(own)}


def refused_in(line: str) -> list[str]:
    """The addresses that a line of the console says were stopped; what a worker asked for stands there alone.

    Example:
        >>> refused_in("Connecting to 'https://b.invalid/' violates the Content Security Policy.")
        ['https://b.invalid/']
        >>> refused_in("See https://b.invalid/ for more.")
        []
    """
    named = "Content Security Policy" in line or "Content-Security-Policy" in line
    return [url.rstrip(".,;") for url in _ADDRESS.findall(line)] if named else []
