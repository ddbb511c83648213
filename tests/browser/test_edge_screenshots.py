"""The pictures of the edge app in the documentation: made here, and seen to show the page as it is.

`OVERREAD_SCREENSHOTS=docs/images pytest --exhaustive tests/browser/test_edge_screenshots.py` makes them
anew; look at them.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import TESTED_APP
from tests.browser.drawn import draw_photographs, write_drawn_site

pytestmark = pytest.mark.browser

IMAGES = Path(__file__).parents[2] / "docs" / "images"
ANEW = os.environ.get("OVERREAD_SCREENSHOTS")
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 860}
RESULTS = {"lesion-arm.jpg": "Urgent", "lesion-back.jpg": "Routine", "letter.jpg": "Cannot assess"}
# Mean difference in grey levels of small copies: other fonts move letters, another layout moves blocks.
_TOLERANCE = 9.0
_SUFFIX = {"light": "", "dark": "-dark"}
Shoot = Callable[..., dict[str, Image.Image]]


@pytest.fixture(scope="module")
def url(
    tmp_path_factory: pytest.TempPathFactory, serve_site: Callable[[Path], AbstractContextManager[str]]
) -> Iterator[str]:
    with serve_site(write_drawn_site(tmp_path_factory.mktemp("drawn"), app=TESTED_APP)) as served:
        yield served


@pytest.fixture(scope="module")
def photographs() -> dict[str, bytes]:
    return draw_photographs()


@pytest.fixture
def shoot(
    chromium: Any, url: str, photographs: dict[str, bytes], open_app: Callable[[Any, str], None]
) -> Iterator[Shoot]:
    """`shoot(viewport, scale=, theme=)` → what each result looks like, and under "page" the page itself."""
    contexts = []

    def shots(viewport: dict[str, int], *, theme: str, scale: float = 1) -> dict[str, Any]:
        context = chromium.new_context(
            viewport=viewport,
            device_scale_factor=scale,
            has_touch=viewport is PHONE,
            color_scheme=theme,
            locale="en-GB",
            timezone_id="UTC",
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.clock.install(time=datetime(2026, 11, 20, 9, 41))
        open_app(page, url)
        page.locator("html[data-self-test=passed]").wait_for()
        taken = {"start": _shot(page), "page": page}
        files = [{"name": one, "mimeType": "image/jpeg", "buffer": photographs[one]} for one in photographs]
        page.locator("input[data-source=files]").set_input_files(files)
        page.locator(".photograph-list li").nth(len(photographs) - 1).get_by_text("Take again").wait_for()
        for name, word in RESULTS.items():
            page.goto(f"{url}#read/list")
            page.get_by_text(name, exact=True).click()
            page.get_by_role("heading", name=word, level=1).wait_for()
            taken[word] = _shot(page)
        return taken

    yield shots
    for context in contexts:
        context.close()


def _shot(page: Any) -> Image.Image:
    page.mouse.move(0, 0)
    for image in page.locator("main img").all():
        image.evaluate("one => one.decode()")
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def _beside(pictures: list[Image.Image], *, gap: int = 24) -> Image.Image:
    """Pictures in a row on a quiet ground."""
    width = sum(one.width for one in pictures) + gap * (len(pictures) + 1)
    row = Image.new("RGB", (width, max(one.height for one in pictures) + 2 * gap), (200, 199, 195))
    left = gap
    for one in pictures:
        row.paste(one, (left, gap))
        left += one.width + gap
    return row


def _slug(word: str) -> str:
    return word.lower().replace(" ", "-")


def _kept_or_made(picture: Image.Image, name: str) -> None:
    """Write the picture where it is asked for, else compare it with the one in the documentation."""
    if ANEW:
        picture.quantize(256, dither=Image.Dither.NONE).save(Path(ANEW) / name, optimize=True)
        return
    kept = Image.open(IMAGES / name).convert("RGB")
    assert kept.size == picture.size, f"docs/images/{name} has another size: make it anew (see above)"
    small = [
        np.asarray(one.convert("L").resize((48, 48), Image.Resampling.BOX), float) for one in (kept, picture)
    ]
    away = float(np.abs(small[0] - small[1]).mean())
    assert away < _TOLERANCE, f"docs/images/{name} no longer shows the page ({away:.1f}): make it anew"


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.exhaustive)])
def test_a_phone_shows_each_decision(shoot: Shoot, theme: str) -> None:
    taken = shoot(PHONE, theme=theme, scale=1.5)
    _kept_or_made(_beside([taken[word] for word in RESULTS.values()]), f"edge-phone{_SUFFIX[theme]}.png")


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.exhaustive)])
@pytest.mark.exhaustive
def test_a_desktop_shows_each_decision(shoot: Shoot, theme: str) -> None:
    taken = shoot(DESKTOP, theme=theme)
    for word in RESULTS.values():
        _kept_or_made(taken[word], f"edge-desktop{_SUFFIX[theme]}-{_slug(word)}.png")


@pytest.mark.exhaustive
def test_a_phone_shows_where_one_begins_and_what_is_kept(shoot: Shoot, url: str) -> None:
    taken = shoot(PHONE, theme="light", scale=1.5)
    page: Any = taken["page"]
    page.goto(f"{url}#read/list")
    page.get_by_text("dark.jpg", exact=True).click()
    page.get_by_text("Read it anyway").wait_for()
    again = _shot(page)
    page.goto(f"{url}#history")
    page.locator(".kept").nth(2).wait_for()
    _kept_or_made(_beside([taken["start"], again, _shot(page)]), "edge-phone-more.png")


@pytest.mark.exhaustive
@pytest.mark.skipif(shutil.which("pdftoppm") is None, reason="none here: apt-get install poppler-utils")
def test_the_page_of_paper(shoot: Shoot, url: str, tmp_path: Path) -> None:
    page: Any = shoot(PHONE, theme="light")["page"]
    page.goto(f"{url}#read/1")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as PDF").click()
    saved.value.save_as(tmp_path / "reading.pdf")
    drawing = ["pdftoppm", "-r", "100", "-png", "-singlefile", tmp_path / "reading.pdf", tmp_path / "paper"]
    subprocess.run(drawing, check=True)
    _kept_or_made(Image.open(tmp_path / "paper.png").convert("RGB"), "edge-paper.png")
