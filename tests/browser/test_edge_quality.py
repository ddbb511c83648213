"""A photograph is warned of in the browser exactly where Python warns of it, and of the same."""

from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from overread.bundle import Bundle
from overread.imaging.quality import QualityLimits
from tests.browser.conftest import MakeSite
from tests.bundle.conftest import encode, make_pixels

pytestmark = pytest.mark.browser

LIMITS = QualityLimits(images=9, shorter_side=30, dark=90.0, bright=200.0, sharpness=40.0)
PLAIN = make_pixels(3, height=90, width=120)
PICTURES = {
    "plain": encode(PLAIN),
    "plain.jpeg": encode(PLAIN, "JPEG"),
    "dark": encode(PLAIN // 4),
    "bright": encode(255 - PLAIN // 8),
    "flat": encode(np.full((60, 60, 3), (205, 160, 135), np.uint8)),
    "small": encode(PLAIN[:20]),
    "noise": encode(np.random.default_rng(0).integers(0, 256, (64, 31, 3), dtype=np.uint8)),
}
READ = """async (base64) => {
  const file = new Blob([Uint8Array.from(atob(base64), (one) => one.charCodeAt(0))]);
  const asked = await window.overread.reader.read(file);
  const { kind, quality } = await window.overread.reader.read(file, { anyway: true });
  return { asked: asked.kind, warned: asked.quality, kind, quality };
}"""


@pytest.mark.parametrize(
    "name",
    ["chromium", pytest.param("firefox", marks=[pytest.mark.firefox, pytest.mark.exhaustive])],
)
def test_warnings_are_pythons(
    name: str,
    request: pytest.FixtureRequest,
    make_site: MakeSite,
    serve_site: Callable[[Path], AbstractContextManager[str]],
    open_app: Callable[[Any, str], None],
) -> None:
    site = make_site(quality=LIMITS)
    readings = Bundle.load(site.parent / "bundle").read(list(PICTURES.values()))
    expected = {one: list(reading.quality or ()) for one, reading in zip(PICTURES, readings, strict=True)}
    assert {warning for one in expected.values() for warning in one} == {"small", "dark", "bright", "blurred"}
    assert expected["plain"] == expected["plain.jpeg"] == expected["noise"] == []
    page = request.getfixturevalue(name).new_page()
    with serve_site(site) as url:
        open_app(page, url)
        for one, content in PICTURES.items():
            found = page.evaluate(READ, base64.b64encode(content).decode())
            warned = expected[one]
            asked = "retake" if warned else "reading"
            assert found == {"asked": asked, "warned": warned, "kind": "reading", "quality": warned}, one
    page.close()
