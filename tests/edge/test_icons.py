"""The icons are those that web/icons.py draws, of the promised sizes, and whole where systems cut them."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

WEB = Path(__file__).parents[2] / "web"
PUBLIC = WEB / "public"


@pytest.fixture(scope="module")
def drawing() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(WEB / "icons.py")))


def test_are_the_drawn_ones(drawing: SimpleNamespace) -> None:
    assert (PUBLIC / "icons" / "icon.svg").read_text() == drawing.svg()
    for name, picture in drawing.pictures().items():
        with Image.open(PUBLIC / "icons" / name) as kept:
            difference = np.abs(_pixels(kept) - _pixels(picture))
        assert difference.max() <= 8, name  # versions of Pillow choose their few colours otherwise


def test_have_the_sizes_that_the_manifest_promises() -> None:
    told = json.loads((PUBLIC / "manifest.webmanifest").read_text())["icons"]
    assert {one["purpose"] for one in told} == {"any", "maskable"}
    for one in told:
        if one["sizes"] != "any":
            with Image.open(PUBLIC / one["src"]) as icon:
                assert f"{icon.width}x{icon.height}" == one["sizes"]


def test_keep_the_drawing_in_the_circle_that_every_system_leaves() -> None:
    with Image.open(PUBLIC / "icons" / "maskable-512.png") as icon:
        pixels = _pixels(icon)
    assert (pixels[..., 3] == 255).all()
    y, x = np.indices(pixels.shape[:2])
    outside = np.hypot(x - 255.5, y - 255.5) > 0.4 * 512  # the maskable icon's safe zone: 80 % of its width
    assert (pixels[outside] == pixels[0, 0]).all()
    assert (pixels[~outside] != pixels[0, 0]).any()


def _pixels(image: Image.Image) -> np.ndarray[Any, np.dtype[np.int16]]:
    return np.asarray(image.convert("RGBA"), dtype=np.int16)
