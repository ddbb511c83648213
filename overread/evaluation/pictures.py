"""Small pictures for the report: the image as it was read, and where the reader looked."""

from __future__ import annotations

import base64
import io
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_WIDEST = 360
_QUALITY = 84
# Dark violet to yellow, perceptually even (magma at 0, 1/4, … 1); drawn without matplotlib for speed.
_COLOURS = np.array([[0, 0, 4], [81, 18, 124], [183, 55, 121], [252, 137, 97], [252, 253, 191]], np.float64)
_VEIL = 0.55


def picture_pair(
    image: bytes | NDArray[np.uint8],
    saliency: NDArray[np.floating] | None,
    *,
    resize: Literal["squash", "crop"] = "squash",
) -> tuple[str, str | None, float]:
    """JPEG data URIs of the image and of the image under its saliency map, and width / height.

    Args:
        image: Encoded file, or uint8 [H, W, 3].
        saliency: float [h, w] over what the network saw; negative and NaN count as 0.
        resize: What the network saw: the whole image ("squash"), or its central square ("crop").
    """
    pixels = _pixels(image)
    small, ratio = _shrunk(pixels), pixels.shape[1] / pixels.shape[0]
    if saliency is None:
        return data_uri(small), None, ratio
    return data_uri(small), data_uri(overlay(small, saliency, resize=resize)), ratio


def overlay(
    pixels: NDArray[np.uint8], saliency: NDArray[np.floating], *, resize: Literal["squash", "crop"]
) -> NDArray[np.uint8]:
    """Blend the map over the image, uint8 [H, W, 3]: what counted little stays as it is."""
    height, width = pixels.shape[:2]
    heat = np.clip(np.nan_to_num(np.asarray(saliency, np.float64)), 0, None)
    heat = heat / heat.max() if heat.max() > 0 else heat
    side = min(height, width)
    seen = (width, height) if resize == "squash" else (side, side)
    grey = Image.fromarray(heat.astype(np.float32)).resize(seen, Image.Resampling.BICUBIC)
    field = np.zeros((height, width))
    top, left = (height - seen[1]) // 2, (width - seen[0]) // 2
    field[top : top + seen[1], left : left + seen[0]] = np.clip(np.asarray(grey, np.float64), 0, 1)
    stops = np.linspace(0, 1, len(_COLOURS))
    colour = np.stack([np.interp(field, stops, _COLOURS[:, channel]) for channel in range(3)], axis=-1)
    veil = (_VEIL * field)[..., None]
    return np.round(pixels * (1 - veil) + colour * veil).astype(np.uint8)


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """The pixels as a JPEG data URI; the same pixels, the same text."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="JPEG", quality=_QUALITY, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _pixels(image: bytes | NDArray[np.uint8]) -> NDArray[np.uint8]:
    if isinstance(image, np.ndarray):
        return image
    from overread.imaging import decode

    return decode(image)


def _shrunk(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    picture = Image.fromarray(pixels)
    picture.thumbnail((_WIDEST, _WIDEST), Image.Resampling.LANCZOS)
    return np.asarray(picture)
