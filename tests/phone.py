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


def check_pictures(page: Any) -> None:
    """Every image of the page is shown."""
    assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")


def check_both_schemes(page: Any) -> None:
    """Dark on light, and light on dark where that is asked for."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        ink, paper = page.evaluate(
            "(() => { const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]; })()"
        )
        assert (_lightness(ink) > _lightness(paper)) == (scheme == "dark")


def _lightness(colour: str) -> int:
    return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")[:3])
