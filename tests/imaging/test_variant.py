"""What is done to an image can be said, and done again from what was said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from overread.imaging.variant import Variant
from tests.imaging.samples import picture

SQUARE: NDArray[np.uint8] = np.asarray(picture(64, 64))

factors = st.floats(0.1, 4.0)
variants = st.builds(
    Variant,
    mirror=st.booleans(),
    upend=st.booleans(),
    quarters=st.integers(0, 3),
    turn=st.floats(-180, 180),
    scale=factors,
    aspect=factors,
    shift=st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)),
    tint=st.tuples(factors, factors, factors),
    saturation=factors,
    contrast=factors,
    brightness=factors,
    level=st.floats(-30, 30),
    trim=st.floats(0, 0.2),
)


@settings(max_examples=200)
@given(variants)
def test_words_give_the_same_variant_back(variant: Variant) -> None:
    assert Variant.parse(variant.describe()) == variant


def test_nothing_is_said_to_be_nothing() -> None:
    assert Variant().describe() == "unchanged"
    assert Variant.parse("unchanged") == Variant()
    np.testing.assert_array_equal(Variant()(SQUARE), SQUARE)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("flip horizontal", SQUARE[:, ::-1]),
        ("flip vertical", SQUARE[::-1]),
        ("rotate by quarters 1", np.rot90(SQUARE)),
        ("rotate 90.0°", np.rot90(SQUARE)),
        ("rotate by quarters 2", np.rot90(SQUARE, 2)),
        ("flip horizontal; rotate by quarters 3", np.rot90(SQUARE, 3)[:, ::-1]),
        ("shift 0.25 0.0", np.concatenate([SQUARE[:, 16:], SQUARE[:, :-17:-1]], axis=1)),
        ("shift 0.0 -0.25", np.concatenate([SQUARE[15::-1], SQUARE[:-16]])),
    ],
)
def test_words_mean_what_they_say(said: str, expected: NDArray[np.uint8]) -> None:
    np.testing.assert_allclose(Variant.parse(said)(SQUARE).astype(int), expected.astype(int), atol=1)


def test_a_scale_below_one_enlarges_and_aspect_shows_more_of_the_width() -> None:
    pixels = np.full((100, 100, 3), 220, np.uint8)
    pixels[40:60, 40:60] = 0
    for said, (tall, wide) in {
        "scale 0.5": (40, 40),
        "scale 1.25": (16, 16),
        "aspect 1.25": (25, 16),
    }.items():
        dark = Variant.parse(said)(pixels).mean(2) < 110
        assert dark.any(1).sum() == pytest.approx(tall, abs=1)
        assert dark.any(0).sum() == pytest.approx(wide, abs=1)


def test_colours_change_by_the_factors_that_are_named() -> None:
    pixels = np.zeros((16, 16, 3), np.uint8) + np.array([100, 60, 40], np.uint8)
    grey = 0.299 * 100 + 0.587 * 60 + 0.114 * 40
    mean = 200 / 3
    for said, expected in {
        "tint ×1.1 ×1.0 ×0.5": [110, 60, 20],
        "saturation ×0.5": [(one + grey) / 2 for one in (100, 60, 40)],
        "contrast ×0.5": [(one + mean) / 2 for one in (100, 60, 40)],
        "brightness ×1.5": [150, 90, 60],
        "level 7.0": [107, 67, 47],
    }.items():
        np.testing.assert_allclose(Variant.parse(said)(pixels)[3, 3], expected, atol=1, err_msg=said)


def test_a_thin_frame_is_not_mirrored_into_the_picture() -> None:
    pixels = np.full((100, 150, 3), 200, np.uint8)
    pixels[[0, -1]] = pixels[:, [0, -1]] = 0
    turned = "rotate 30.0°; scale 1.1"
    assert Variant.parse(turned)(pixels).min() < 150
    assert (Variant.parse(f"{turned}; trim 0.01")(pixels) == 200).all()
    inside = Variant.parse("scale 0.9; trim 0.01")
    np.testing.assert_array_equal(inside(SQUARE), Variant.parse("scale 0.9")(SQUARE))
    tiny = np.zeros((1, 1, 3), np.uint8)
    assert Variant.parse("rotate 30.0°; trim 0.01")(tiny).shape == (1, 1, 3)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "shear 3.0",
        "rotate 3",
        "rotate nan°",
        "flip horizontal; flip horizontal",
        "rotate by quarters 4",
        "shift 0.1",
        "tint ×1.0 ×2.0",
        "scale x",
        "flip horizontal;rotate 3.0°",
    ],
)
def test_other_words_are_refused(said: str) -> None:
    with pytest.raises(ValueError, match="expected what was done"):
        Variant.parse(said)
