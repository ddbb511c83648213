"""The browsers of this machine, and how Playwright starts them: for checks of what people open."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, get_args

BrowserName: TypeAlias = Literal["chromium", "firefox"]
BROWSERS: tuple[BrowserName, ...] = get_args(BrowserName)

PACKAGES: Mapping[BrowserName, str] = {"chromium": "chromium", "firefox": "firefox-esr"}
"""What Debian calls them."""

_COMMANDS: Mapping[BrowserName, tuple[str, ...]] = {
    "chromium": (
        "chromium",
        "chromium-browser",
        "google-chrome-stable",
        "google-chrome",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ),
    "firefox": ("firefox-esr", "firefox", "/Applications/Firefox.app/Contents/MacOS/firefox"),
}
# Root and most containers have no sandbox of users, and containers hold 64 MB of shared memory by default.
_CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
)


def find_browser(name: BrowserName) -> str | None:
    """The path of a browser of this machine; OVERREAD_CHROMIUM and OVERREAD_FIREFOX go first.

    Returns:
        Its executable; None where there is none of that kind.
    """
    named = os.environ.get(variable(name))
    return next((path for one in (named, *_COMMANDS[name]) if one and (path := shutil.which(one))), None)


def variable(name: BrowserName) -> str:
    """Of the environment: the one that names a browser."""
    return f"OVERREAD_{name.upper()}"


def launch_options(name: BrowserName, executable: str) -> dict[str, Any]:
    """Arguments for `playwright.chromium.launch` or `playwright.firefox.launch`: no window, no sandbox."""
    options: dict[str, Any] = {"executable_path": executable, "headless": True}
    if name == "chromium":
        return options | {"args": list(_CHROMIUM_ARGUMENTS)}
    return options | {"channel": "moz-firefox"}  # Firefox as it is, not the one that Playwright patches
