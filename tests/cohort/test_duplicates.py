from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from overread.cohort.duplicates import Duplicate, find_duplicates
from overread.errors import UsageError
from overread.imaging.fingerprint import FINGERPRINT_BYTES, fingerprints
from tests.cohort.scenes import scene

Pixels = NDArray[np.uint8]


def found(*images: Pixels) -> list[Duplicate]:
    return find_duplicates(fingerprints([np.ascontiguousarray(image) for image in images]))


def rotated(pixels: Pixels, degrees: float, *, expand: bool = False, fill: int = 0) -> Pixels:
    turned = Image.fromarray(pixels).rotate(
        degrees, Image.Resampling.BILINEAR, expand=expand, fillcolor=(fill, fill, fill)
    )
    return np.asarray(turned)


def stored(pixels: Pixels, quality: int) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


def resized(pixels: Pixels, width: int, height: int) -> Pixels:
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC))


ORIGINAL = scene(0, width=160, height=128)

COPIES = {
    "same bytes": (ORIGINAL, "same picture, stored differently"),
    "quality 30": (stored(ORIGINAL, 30), "same picture, stored differently"),
    "half the size": (resized(ORIGINAL, 80, 64), "same picture, stored differently"),
    "double the size": (resized(ORIGINAL, 320, 256), "same picture, stored differently"),
    "brighter": ((ORIGINAL * 0.85 + 30).astype(np.uint8), "same picture, stored differently"),
    "quarter turn": (np.rot90(ORIGINAL), "turned by 90°"),
    "three quarters": (np.rot90(ORIGINAL, 3), "turned by 90°"),
    "half turn": (np.rot90(ORIGINAL, 2), "turned by 180°"),
    "flipped": (ORIGINAL[:, ::-1], "mirrored"),
    "upside down": (ORIGINAL[::-1], "mirrored top to bottom"),
    "transposed": (ORIGINAL.swapaxes(0, 1), "mirrored and turned by 90°"),
    "black corners": (rotated(ORIGINAL, 33), "turned by 33°"),
    "white corners": (rotated(ORIGINAL, -70, fill=255), "turned by 70°"),
    "larger canvas": (rotated(ORIGINAL, 45, expand=True), "turned by 45°, on a larger canvas"),
    "cropped about the centre": (ORIGINAL[6:122, 8:152], "cropped"),
    "cropped from a corner": (ORIGINAL[:115, :144], "cropped"),
    "cropped and resized": (resized(ORIGINAL[13:, 16:], 160, 128), "cropped"),
    "90 % of the area": (resized(ORIGINAL[:121, :152], 160, 128), "cropped"),
}


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_is_found_and_said_how_it_differs(kind: str) -> None:
    copy, how = COPIES[kind]
    pairs = found(scene(1), ORIGINAL, scene(2), copy)
    assert [(pair.first, pair.second, pair.how) for pair in pairs] == [(1, 3, how)]
    assert 0.9 < pairs[0].similarity <= 1


def test_the_second_is_described_against_the_first() -> None:
    (pair,) = found(ORIGINAL[13:, 16:], ORIGINAL)
    assert pair.how == "showing more at the edges"
    (pair,) = found(rotated(ORIGINAL, 30, expand=True), ORIGINAL)
    assert pair.how == "turned by 30°, on a smaller canvas"


def test_pictures_that_only_look_alike_are_not_reported() -> None:
    rng = np.random.default_rng(5)
    alike = [scene(7, variation=0.35, seed=number) for number in rng.integers(0, 1 << 30, 40)]
    assert found(*alike) == []


def test_no_two_of_300_scenes_are_the_same() -> None:
    assert found(*[scene(100 + number) for number in range(300)]) == []


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_images_have_no_pair(count: int) -> None:
    assert found(*[ORIGINAL] * count) == []


def test_flat_images_are_not_copies_of_one_another() -> None:
    rng = np.random.default_rng(0)
    flat = [np.full((60, 60, 3), value, np.uint8) for value in (0, 90, 90, 255)]
    nearly = [np.clip(120 + rng.normal(0, 1, (60, 60, 1)), 0, 255).astype(np.uint8).repeat(3, 2)] * 2
    assert found(*flat, *nearly) == []


def test_a_faint_picture_is_found_again() -> None:
    faint = (scene(3).astype(float) * 0.08 + 150).astype(np.uint8)
    assert [(pair.first, pair.second) for pair in found(scene(4), faint, faint[:, ::-1])] == [(1, 2)]


def test_equal_fingerprints_make_every_pair_up_to_a_limit() -> None:
    assert len(found(*[ORIGINAL] * 5)) == 10
    many = find_duplicates(np.repeat(fingerprints([ORIGINAL]), 70, axis=0))
    assert [(pair.first, pair.second) for pair in many] == [(0, other) for other in range(1, 70)]
    assert {pair.similarity for pair in many} == {1.0}


@pytest.fixture(scope="module")
def mixed() -> NDArray[np.uint8]:
    """Forty scenes, of which ten have a copy or two."""
    images = [scene(200 + number) for number in range(40)]
    images += [rotated(image, 20 + 9 * at) for at, image in enumerate(images[:10])]
    images += [np.ascontiguousarray(image[::-1, 5:]) for image in images[:4]]
    return fingerprints(images)


@settings(max_examples=8)
@given(st.randoms(use_true_random=False))
def test_the_pairs_do_not_depend_on_the_order(mixed: NDArray[np.uint8], random: object) -> None:
    order = np.arange(len(mixed))
    random.shuffle(order)  # type: ignore[attr-defined]
    pairs = find_duplicates(mixed)
    again = find_duplicates(mixed[order])
    assert len(pairs) >= 14
    assert all(pair.first < pair.second for pair in again)
    assert [(p.first, p.second) for p in again] == sorted((p.first, p.second) for p in again)
    back = {(frozenset((int(order[p.first]), int(order[p.second]))), p.similarity) for p in again}
    assert back == {(frozenset((p.first, p.second)), p.similarity) for p in pairs}


def test_work_is_told() -> None:
    steps: dict[str, list[int]] = {}

    class Listener:
        def task(self, label: str, total: int | None = None) -> object:
            from contextlib import nullcontext

            counted = steps.setdefault(label, [total or 0, 0])

            class Counter:
                def advance(self, by: int = 1) -> None:
                    counted[1] += by

            return nullcontext(Counter())

        def note(self, message: str) -> None:
            raise AssertionError(message)

    find_duplicates(fingerprints([ORIGINAL, np.ascontiguousarray(ORIGINAL[::-1])]), progress=Listener())  # type: ignore[arg-type]
    assert set(steps) == {"looking for copies", "comparing look-alikes"}
    assert all(total == done > 0 for total, done in steps.values())


@pytest.mark.parametrize("wrong", [np.zeros((2, 7), np.uint8), np.zeros((2, FINGERPRINT_BYTES)), np.zeros(9)])
def test_other_arrays_are_refused(wrong: NDArray[np.generic]) -> None:
    with pytest.raises(UsageError, match="expected fingerprints as uint8"):
        find_duplicates(wrong)  # type: ignore[arg-type]
