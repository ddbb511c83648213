"""A browser without a window, for as long as somebody looks at it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from overread.edge.browsers import BrowserName, launch_options
from overread.errors import OverreadError

if TYPE_CHECKING:
    from playwright.async_api import Browser

_START_SECONDS = 180


@asynccontextmanager
async def launched(name: BrowserName, executable: str) -> AsyncIterator[Browser]:
    """Start a browser, and close it at the end.

    Raises:
        OverreadError: It does not start.
    """
    from playwright.async_api import Error, async_playwright

    # A home of its own: in containers it often cannot be written to, or is another's, and Firefox gives up.
    with TemporaryDirectory(prefix="overread-", ignore_cleanup_errors=True) as home:
        async with async_playwright() as playwright:
            kind = playwright.chromium if name == "chromium" else playwright.firefox
            try:
                browser = await kind.launch(
                    **launch_options(name, executable),
                    env={**os.environ, "HOME": home},
                    timeout=_START_SECONDS * 1000,
                )
            except Error as error:
                why = error.message.splitlines()[0].removeprefix("BrowserType.launch: ")
                raise OverreadError(
                    f"does not start ({why.rstrip('.')})",
                    where=f"browser '{executable}'",
                    todo="start it by hand to see what it lacks",
                ) from error
            try:
                yield browser
            finally:
                with suppress(Exception):  # gone already: Ctrl-C reaches Playwright's process too
                    await browser.close()
