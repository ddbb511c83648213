"""What every page that Overread writes must do on a phone."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def open_alone_on_a_phone(browser: Any, path: Path) -> Any:
    """Open a page 390 pixels wide; it must load nothing from elsewhere, complain of nothing, and fit."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(path.as_uri())
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    assert said == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    return page
