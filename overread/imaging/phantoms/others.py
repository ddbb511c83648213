"""Generated images that show no lesion: what a reader must refuse to read."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_WORDS = (
    "patient", "image", "report", "clinic", "of", "the", "a", "and", "with", "without", "no", "history",
    "left", "right", "follow", "up", "weeks", "visit", "skin", "examination", "consent", "form", "page",
    "signed", "date", "ward", "letter", "dear", "colleague", "thank", "you", "for", "referring", "regarding",
)  # fmt: skip


def noise(height: int = 384, width: int = 512, *, seed: int = 0) -> NDArray[np.uint8]:
    """Independent random levels: uint8 [height, width, 3]."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def gradient(height: int = 384, width: int = 512, *, seed: int = 0) -> NDArray[np.uint8]:
    """Two colours, one passing into the other: uint8 [height, width, 3]."""
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 256, (2, 3))
    angle = rng.uniform(0, 2 * np.pi)
    across, down = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    along = across * np.cos(angle) + down * np.sin(angle)
    share = ((along - along.min()) / np.ptp(along))[..., None]
    levels: NDArray[np.float64] = np.round(first + share * (second - first))
    return levels.astype(np.uint8)


def flat(height: int = 384, width: int = 512, *, seed: int = 0) -> NDArray[np.uint8]:
    """One colour everywhere: uint8 [height, width, 3]."""
    colour = np.random.default_rng(seed).integers(0, 256, 3, dtype=np.uint8)
    return np.broadcast_to(colour, (height, width, 3)).copy()


def text_page(height: int = 640, width: int = 480, *, seed: int = 0) -> NDArray[np.uint8]:
    """A page of printed words: uint8 [height, width, 3]."""
    rng = np.random.default_rng(seed)
    page = Image.new("L", (width, height), 250)
    pen = ImageDraw.Draw(page)
    font = ImageFont.load_default()
    words = " ".join(rng.choice(_WORDS, 600))
    for line, text in enumerate(textwrap.wrap(words, max(10, width // 7))):
        if 20 + 14 * line > height - 20:
            break
        pen.text((20, 20 + 14 * line), text, fill=30, font=font)
    return np.array(page.convert("RGB"))


def generate_others(folder: Path, *, seed: int = 0) -> Path:
    """Write one PNG of each kind: `folder`/noise.png, gradient.png, flat.png, text_page.png."""
    folder.mkdir(parents=True, exist_ok=True)
    for draw in (noise, gradient, flat, text_page):
        Image.fromarray(draw(seed=seed)).save(folder / f"{draw.__name__}.png")
    return folder
