from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from overread.imaging.fingerprint import Pictures, fingerprints
from overread.imaging.moments import FINEST, Pose, disc_functions, invariants, lay_over, modes, moments
from tests.imaging.test_fingerprint import waves


def measure(*images: NDArray[np.uint8], pose: Pose | None = None) -> NDArray[np.complex64]:
    read = Pictures.read(fingerprints([np.ascontiguousarray(image) for image in images]))
    return moments(read.grey, read.shape, pose or Pose())


def turned(pixels: NDArray[np.uint8], degrees: float) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(pixels).rotate(degrees, Image.Resampling.BICUBIC))


def test_the_zeros_are_those_of_bessel_functions() -> None:
    of = modes(FINEST)
    assert np.allclose(of.zero[of.order == 0][:3], [2.404826, 5.520078, 8.653728])
    assert np.allclose(of.zero[of.order == 3][:2], [6.380162, 9.761023])
    assert of.zero.max() <= FINEST


def test_the_functions_are_orthogonal_on_the_disc() -> None:
    middle = np.linspace(-1, 1, 201)
    across, down = (part.ravel() for part in np.meshgrid(middle, middle))
    values = disc_functions(across, down, 9.0)[np.hypot(across, down) < 1]
    products = np.abs(values.conj().T @ values) / len(values)
    order = modes(9.0).order
    oscillating = np.flatnonzero(order > 0)  # of order 0, the mean was taken away
    products = products[np.ix_(oscillating, oscillating)]
    assert np.allclose(products, np.eye(len(products)), atol=0.02)


@pytest.mark.parametrize("degrees", [90.0, 180.0, 37.0, 211.0])
def test_turning_changes_no_invariant(degrees: float) -> None:
    pixels, other = waves(200, 200, seed=1), waves(200, 200, seed=2)
    same, copy, unlike = invariants(measure(pixels, turned(pixels, degrees), other))
    assert np.linalg.norm(copy - same) < 0.05 * np.linalg.norm(unlike - same)


def test_mirroring_changes_no_invariant() -> None:
    pixels, other = waves(160, 200, seed=3), waves(160, 200, seed=4)
    same, copy, unlike = invariants(measure(pixels, pixels[:, ::-1], other))
    assert np.linalg.norm(copy - same) < 0.02 * np.linalg.norm(unlike - same)


def test_brightness_and_contrast_do_not_count() -> None:
    pixels = waves(200, 200, seed=5)
    dark = (pixels * 0.6 + 20).astype(np.uint8)
    one, other = measure(pixels, dark)
    assert np.linalg.norm(one - other) < 0.03


def test_a_crop_is_what_the_original_shows_at_that_pose() -> None:
    pixels = waves(200, 200, seed=6)
    (crop,) = measure(pixels[20:, :180])
    (there,) = measure(pixels, pose=Pose(0.9, -0.1, 0.1))
    (elsewhere,) = measure(pixels, pose=Pose(0.9, 0.1, 0.1))
    assert np.linalg.norm(crop - there) < 0.05 < 0.3 < np.linalg.norm(crop - elsewhere)


@pytest.mark.parametrize("degrees", [0.0, 45.0, 90.0, 205.0])
def test_pictures_laid_over_one_another_tell_the_angle(degrees: float) -> None:
    pixels = waves(200, 200, seed=7)
    one, other = measure(pixels, turned(pixels, degrees))
    likeness, angle = lay_over(one[None], other[None], mirror=False)
    assert likeness[0] > 0.97
    assert abs((np.degrees(angle[0]) - degrees + 180) % 360 - 180) < 4
    assert lay_over(one[None], other[None], mirror=True)[0][0] < 0.9


def test_a_mirror_image_is_found_as_one() -> None:
    pixels = waves(200, 200, seed=8)
    one, other = measure(pixels, pixels[::-1])
    likeness, angle = lay_over(one[None], other[None], mirror=True)
    assert likeness[0] > 0.99
    assert abs(angle[0]) < 1e-6
