from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from overread.imaging.alignment import EXACT, ROUGH, Placement, align, compare
from overread.imaging.fingerprint import Pictures, fingerprints
from tests.imaging.test_fingerprint import waves


def read(pixels: NDArray[np.uint8]) -> Pictures:
    return Pictures.read(fingerprints([np.ascontiguousarray(pixels)]))


def placed(turn: complex = 1, shift: complex = 0, *, mirrored: bool = False) -> Placement:
    return Placement(np.array([turn], complex), np.array([shift], complex), np.array([mirrored]))


def test_a_crop_is_found_where_it_was_cut() -> None:
    pixels = waves(240, 240, seed=1)
    holder, held = read(pixels), read(pixels[12:228, 24:])
    where = placed()
    for level in (ROUGH, EXACT):
        where, alike = align(holder, held, where, level)
    assert abs(where.turn[0] - 0.9) < 0.01
    assert abs(where.shift[0] - 0.1) < 0.01
    assert alike[0] > 0.99


def test_a_mirrored_turned_picture_is_found_from_a_rough_guess() -> None:
    pixels = waves(240, 240, seed=2)
    copy = np.asarray(Image.fromarray(pixels[::-1].copy()).rotate(40, Image.Resampling.BICUBIC))
    guess = placed(np.exp(-1j * np.radians(36)), 0.04, mirrored=True)
    where, alike = align(read(pixels), read(copy), guess, ROUGH)
    where, alike = align(read(pixels), read(copy), where, EXACT)
    assert abs(np.degrees(np.angle(where.turn[0])) + 40) < 0.5
    assert abs(where.shift[0]) < 0.01
    assert alike[0] > 0.99


def test_long_pictures_keep_their_shape() -> None:
    pixels = waves(160, 230, seed=3)
    where, alike = align(read(pixels), read(np.rot90(pixels)), placed(1j * np.exp(0.05j), 0.02), ROUGH)
    assert abs(where.turn[0] - 1j) < 0.01
    assert alike[0] > 0.99


def test_the_same_picture_correlates_in_every_band_and_another_does_not() -> None:
    pixels = waves(200, 200, seed=4)
    same = compare(read(pixels), read(pixels), placed())
    assert np.allclose(same.correlation, 1, atol=1e-3)
    other = compare(read(pixels), read(waves(200, 200, seed=5)), placed())
    assert np.all(other.correlation < 0.7)


def test_less_is_expected_of_faint_pictures() -> None:
    pixels = waves(200, 200, seed=6)
    faint = (pixels * 0.04 + 100).astype(np.uint8)
    strong = compare(read(pixels), read(pixels), placed()).expected
    weak = compare(read(faint), read(faint), placed()).expected
    assert np.all(strong[:, :3] > 0.99)
    assert np.all(weak[:, 3] < 0.5)


def test_structure_that_a_tiny_image_cannot_have_is_not_asked_of_it() -> None:
    pixels = waves(28, 28, seed=7)
    tiny = np.asarray(Image.fromarray(pixels).resize((14, 14), Image.Resampling.BOX))
    likeness = compare(read(pixels), read(tiny), placed())
    assert likeness.correlation[0, 3] == 1  # nothing to disagree in
    assert likeness.correlation[0, 4] > 0.95


def test_no_pairs_are_no_trouble() -> None:
    none = read(waves(40, 40)).take(np.zeros(0, np.int64))
    nowhere = placed().take(np.zeros(0, np.int64))
    where, alike = align(none, none, nowhere, EXACT)
    assert len(alike) == 0
    assert compare(none, none, where).correlation.shape == (0, 6)
