from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from overread.evaluation.pictures import overlay, picture_pair


def grey(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), 120, np.uint8)


def opened(uri: str) -> Image.Image:
    head, text = uri.split(",", 1)
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(text)))


def test_the_overlay_changes_the_image_where_the_map_is_high_and_not_where_it_is_zero() -> None:
    saliency = np.zeros((7, 7))
    saliency[1, 5] = 3.0
    changed = np.abs(overlay(grey(70, 140), saliency, resize="squash").astype(int) - 120).sum(axis=2)
    assert changed[15, 110] > 100
    assert changed[60, 20] == 0


def test_a_cropped_network_saw_only_the_central_square() -> None:
    changed = np.abs(overlay(grey(60, 160), np.ones((4, 4)), resize="crop").astype(int) - 120).sum(axis=2)
    assert changed[:, 50:110].min() > 50
    assert changed[:, :50].max() == changed[:, 110:].max() == 0


@pytest.mark.parametrize("saliency", [np.zeros((3, 3)), np.full((3, 3), -1.0), np.full((3, 3), np.nan)])
def test_a_map_with_nothing_in_it_leaves_the_image(saliency) -> None:
    assert (overlay(grey(20, 20), saliency, resize="squash") == 120).all()


def test_pictures_are_small_and_keep_their_proportions() -> None:
    plain, veiled, ratio = picture_pair(grey(1200, 1800), np.ones((2, 2)))
    assert opened(plain).size == (360, 240)
    assert veiled is not None
    assert opened(veiled).size == (360, 240)
    assert ratio == 1.5


def test_an_encoded_image_is_decoded_and_needs_no_map() -> None:
    buffer = io.BytesIO()
    Image.fromarray(grey(40, 30)).save(buffer, "PNG")
    plain, veiled, _ = picture_pair(buffer.getvalue(), None)
    assert opened(plain).size == (30, 40)
    assert veiled is None
