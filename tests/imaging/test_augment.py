"""Variants keep size, class signs and the caller's generator."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from numpy.typing import NDArray

from overread.imaging import Augmentation
from overread.imaging.augment import TRANSFORMS
from overread.imaging.variant import Variant
from tests.imaging.samples import picture

PIXELS: NDArray[np.uint8] = np.asarray(picture(96, 128))


@pytest.mark.parametrize("policy", ["dermoscopy", "chest"])
@pytest.mark.parametrize("shape", [(96, 128), (128, 96), (1, 1), (1, 7), (2, 90)])
def test_a_variant_has_the_shape_of_its_image(policy: str, shape: tuple[int, int]) -> None:
    pixels = np.ascontiguousarray(np.asarray(picture(128, 128))[: shape[0], : shape[1]])
    for seed in range(20):
        variant = Augmentation(policy)(pixels, np.random.default_rng(seed))
        assert variant.shape == (*shape, 3)
        assert variant.dtype == np.uint8
        assert variant.flags.writeable


@pytest.mark.parametrize("policy", ["dermoscopy", "chest"])
def test_the_same_generator_gives_the_same_variant(policy: str) -> None:
    augment = Augmentation(policy)
    first = [augment(PIXELS, rng) for rng in [np.random.default_rng(3)] for _ in range(3)]
    second = [augment(PIXELS, rng) for rng in [np.random.default_rng(3)] for _ in range(3)]
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first[0], first[1])


@pytest.mark.parametrize("policy", ["dermoscopy", "chest"])
def test_the_image_itself_is_left_unchanged(policy: str) -> None:
    pixels = PIXELS.copy()
    Augmentation(policy)(pixels, np.random.default_rng(0))
    np.testing.assert_array_equal(pixels, PIXELS)


def test_the_policy_none_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    assert Augmentation("none")(PIXELS, rng) is PIXELS
    assert rng.random() == np.random.default_rng(0).random()


def test_no_strength_leaves_a_chest_image_as_it_is() -> None:
    variant = Augmentation("chest", strength=0.0)(PIXELS, np.random.default_rng(1))
    assert np.abs(variant.astype(int) - PIXELS).max() <= 1


def test_grey_chest_images_stay_grey() -> None:
    grey = np.repeat(PIXELS[..., :1], 3, axis=2)
    for seed in range(20):
        variant = Augmentation("chest")(grey, np.random.default_rng(seed))
        assert (variant == variant[..., :1]).all()


def left_minus_right(pixels: NDArray[np.uint8]) -> float:
    half = pixels.shape[1] // 2
    return float(pixels[:, :half].mean() - pixels[:, half:].mean())


def test_chest_images_are_never_mirrored_and_dermoscopy_is() -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, :32] = 200
    chest = [left_minus_right(Augmentation("chest")(pixels, np.random.default_rng(s))) for s in range(60)]
    skin = [left_minus_right(Augmentation("dermoscopy")(pixels, np.random.default_rng(s))) for s in range(60)]
    assert min(chest) > 80
    assert min(skin) < -80
    assert max(skin) > 80


def test_margins_are_filled_from_the_image() -> None:
    pixels = np.full((64, 64, 3), 120, np.uint8)
    for seed in range(60):
        variant = Augmentation("dermoscopy")(pixels, np.random.default_rng(seed))
        # A flat image only changes by its colour: nothing black comes in from outside.
        assert (variant == variant[0, 0]).all()
        assert np.abs(variant.astype(int) - 120).max() < 45


def test_a_lesion_stays_in_view() -> None:
    pixels = np.full((100, 100, 3), 220, np.uint8)
    pixels[40:60, 40:60] = 40
    for seed in range(100):
        variant = Augmentation("dermoscopy")(pixels, np.random.default_rng(seed))
        dark = (variant.mean(axis=2) < 120).mean()
        assert 0.025 < dark < 0.09


@pytest.mark.parametrize("strength", [-0.1, 2.1, float("nan")])
def test_a_strength_that_cannot_be_right_is_refused(strength: float) -> None:
    with pytest.raises(ValueError, match="strength"):
        Augmentation("chest", strength)


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(ValueError, match="retina"):
        Augmentation("retina")


def test_a_patch_of_a_scan_is_mirrored_and_turned_by_quarters_and_hardly_changes_its_levels() -> None:
    pixels = np.zeros((65, 65, 3), np.uint8)
    pixels[:32] = 200
    bright_side = set()
    for seed in range(60):
        variant = Augmentation("ct")(pixels, np.random.default_rng(seed)).astype(int)
        assert (variant == variant[..., :1]).all()
        halves = variant[:30].mean(), variant[35:].mean(), variant[:, :30].mean(), variant[:, 35:].mean()
        bright_side.add(int(np.argmax(halves)))
        assert np.abs(np.percentile(variant, 99) - 200) < 30
    assert bright_side == {0, 1, 2, 3}


def test_worn_images_stay_grey_and_are_made_again_by_the_same_generator() -> None:
    grey = np.repeat(PIXELS[..., :1], 3, axis=2)
    augment = Augmentation("chest", strength=0.0, wear=1.0)
    variants = [augment(grey, np.random.default_rng(seed)) for seed in range(40)]
    for seed, variant in enumerate(variants):
        assert variant.shape == grey.shape
        assert (variant == variant[..., :1]).all()
        np.testing.assert_array_equal(variant, augment(grey, np.random.default_rng(seed)))
    untouched = [np.abs(variant.astype(int) - grey).max() <= 1 for variant in variants]
    # Each of four harms comes in half of the variants.
    assert 0 <= sum(untouched) < 10


def test_wear_blurs_hides_and_adds_noise() -> None:
    edge = np.zeros((64, 64, 3), np.uint8)
    edge[:, 32:] = 200
    augment = Augmentation("chest", strength=0.0, wear=1.0)
    steepest, grainy, hidden = [], [], []
    for seed in range(80):
        variant = augment(edge, np.random.default_rng(seed)).astype(float)[..., 0]
        steepest.append(np.abs(np.diff(variant, axis=1)).max())
        grainy.append(variant[:, :10].std())
        hidden.append(np.mean(np.abs(variant - np.median(variant[:, 60:])) > 20))
    assert min(steepest) < 150 < max(steepest)
    assert max(grainy) > 2
    assert len({round(share, 2) for share in hidden}) > 5


def test_strength_and_wear_have_bounds() -> None:
    for wrong in ({"wear": -0.1}, {"wear": 3.0}, {"strength": 2.5}):
        with pytest.raises(ValueError, match="expected"):
            Augmentation("chest", **wrong)


@pytest.mark.parametrize(
    ("policy", "seed", "wear", "digest"),
    [
        ("dermoscopy", 3, 0.0, "7950670676b61fa8"),
        ("chest", 3, 1.0, "dc78ca7195962605"),
        ("ct", 4, 0.0, "77ecf4f8f49c2ab5"),
    ],
)
def test_the_numbers_that_are_drawn_stay_those_that_readers_were_trained_on(
    policy: str, seed: int, wear: float, digest: str
) -> None:
    pixels = np.add.outer(np.arange(40) * 5, np.arange(50) * 4).astype(np.uint8)[..., None].repeat(3, 2)
    variant = Augmentation(policy, wear=wear)(pixels, np.random.default_rng(seed))
    assert hashlib.sha256(variant.tobytes()).hexdigest()[:16] == digest


@pytest.mark.parametrize("policy", ["dermoscopy", "chest", "ct"])
def test_what_was_drawn_is_what_is_made(policy: str) -> None:
    augment = Augmentation(policy)
    for seed in range(10):
        drawn = augment.draw(np.random.default_rng(seed))
        np.testing.assert_array_equal(drawn(PIXELS), augment(PIXELS, np.random.default_rng(seed)))


def test_each_transform_changes_its_own_and_draws_as_among_the_others() -> None:
    parts = {
        "flip": {"mirror"},
        "rotate": {"turn", "quarters"},
        "scale": {"scale", "aspect", "shift"},
        "colour": {"tint", "saturation", "contrast", "brightness", "level"},
    }
    for seed in range(10):
        whole = Augmentation("dermoscopy").draw(np.random.default_rng(seed))
        for one in TRANSFORMS[1:]:
            alone = Augmentation("dermoscopy", transforms=(one,)).draw(np.random.default_rng(seed))
            kept = {name: getattr(whole, name) for name in parts[one]}
            assert alone == Variant(**kept)
        flipped = Augmentation("dermoscopy", transforms=("rotate", "flip")).draw(np.random.default_rng(seed))
        assert flipped == Variant(mirror=whole.mirror, turn=whole.turn, quarters=whole.quarters)
        named = Augmentation("dermoscopy", transforms=("colour", "scale", "rotate", "flip"))
        assert named.draw(np.random.default_rng(seed)) == whole


def test_a_flip_alone_always_flips_one_way_or_another() -> None:
    augment = Augmentation("dermoscopy", transforms=("flip",))
    said = {augment.draw(np.random.default_rng(seed)).describe() for seed in range(40)}
    assert said == {"flip horizontal", "flip vertical", "flip horizontal; flip vertical"}


def test_colour_alone_leaves_every_pixel_in_its_place() -> None:
    pixels = np.full((40, 60, 3), 200, np.uint8)
    pixels[5:9, 7:30] = 20
    for seed in range(10):
        variant = Augmentation("dermoscopy", transforms=("colour",))(pixels, np.random.default_rng(seed))
        np.testing.assert_array_equal(variant.mean(2) < 110, pixels.mean(2) < 110)
        assert not np.array_equal(variant, pixels)


@pytest.mark.parametrize(
    ("policy", "transforms", "message"),
    [
        ("chest", ("flip",), "never flips"),
        ("none", ("flip",), "changes nothing"),
        ("dermoscopy", ("shear",), "flip, rotate, scale, colour, got 'shear'"),
        ("dermoscopy", (), "got none"),
    ],
)
def test_transforms_that_cannot_be_are_refused(
    policy: str, transforms: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Augmentation(policy, transforms=transforms)
