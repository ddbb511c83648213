from __future__ import annotations

import numpy as np
import pytest

from overread.cohort.verdict import is_same
from overread.imaging.alignment import Likeness, Placement
from overread.imaging.fingerprint import SIDE, Pictures

GOOD = (0.999, 0.995, 0.99, 0.93, 0.99, 0.97)
SMALL_STORED = (0.99, 0.96, 0.8, 0.3, 0.92, 0.8)
UNLIKE = (0.5,) * 6
SHOWN = (1.0,) * 6
HIDDEN = (1.0, 0.98, 0.9, 0.0, 0.97, 0.8)


def judged(
    turn: complex = 1,
    shift: complex = 0,
    *,
    free: tuple[float, ...] = GOOD,
    square: tuple[float, ...] = UNLIKE,
    expected: tuple[float, ...] = SHOWN,
    short: int = 200,
    shape: float = 0.0,
) -> bool:
    picture = Pictures(
        np.zeros((1, SIDE * SIDE), np.uint8),
        np.array([shape], np.float32),
        np.array([short], np.int32),
        np.array([200], np.float32),
    )
    where = Placement(np.array([turn], complex), np.array([shift], complex), np.array([False]))
    hidden = np.array([expected], np.float32)
    likenesses = [Likeness(np.array([part], np.float32), hidden) for part in (free, square)]
    return bool(is_same(picture, picture, where, *likenesses)[0])


@pytest.mark.parametrize(
    ("turn", "shift"),
    [
        (1, 0),
        (np.exp(0.7j), 0),  # turned on the same canvas
        (0.9, 0.1 - 0.1j),  # cropped from a corner
        (0.9j, 0.05j),  # cropped and turned by 90°
        (np.exp(0.7j) / (np.cos(0.7) + np.sin(0.7)), 0.01),  # turned on a larger canvas
    ],
)
def test_what_lies_as_a_copy_lies_is_one(turn: complex, shift: complex) -> None:
    assert judged(turn, shift)


@pytest.mark.parametrize(
    ("turn", "shift"),
    [
        (1, 0.2),  # beyond the edge
        (0.9, 0.2),
        (0.75, 0.1),  # no crop of 90 %
        (0.9 * np.exp(0.5j), 0.05),  # neither on a larger canvas nor upright
        (np.exp(0.7j) / (np.cos(0.7) + np.sin(0.7)), 0.1),
        (1.2, 0),
    ],
)
def test_what_lies_otherwise_must_be_nearly_identical(turn: complex, shift: complex) -> None:
    assert not judged(turn, shift)
    nearly = (0.999, 0.998, 0.995, 0.97, 0.998, 0.99)
    assert judged(turn, shift, free=nearly)
    assert not judged(turn, shift, free=nearly, expected=HIDDEN)  # a soft blob is no evidence


@pytest.mark.parametrize("band", [0, 1, 2, 3, 5])
def test_every_band_has_a_say(band: int) -> None:
    low = list(GOOD)
    low[band] = 0.88
    assert not judged(free=tuple(low))


def test_noise_excuses_less_correlation_but_not_everything() -> None:
    noisy = (0.995, 0.97, 0.9, 0.65, 0.97, 0.85)
    assert not judged(free=noisy)
    assert judged(free=noisy, expected=HIDDEN)
    assert not judged(free=(0.995, 0.97, 0.9, 0.3, 0.97, 0.85), expected=HIDDEN)
    assert not judged(free=(0.995, 0.97, 0.9, 0.65, 0.97, 0.7), expected=HIDDEN)


def test_a_copy_on_a_larger_canvas_may_have_lost_its_finest_structure() -> None:
    blurred = (0.999, 0.995, 0.98, 0.84, 0.99, 0.93)
    assert judged(np.exp(0.7j) / (np.cos(0.7) + np.sin(0.7)), free=blurred)
    assert not judged(np.exp(0.7j), free=blurred)


def test_a_larger_canvas_depends_on_the_shape() -> None:
    wide = np.log(1.5)
    size = 1 / min(1.5 * np.cos(0.7) + np.sin(0.7), 1.5 * np.sin(0.7) + np.cos(0.7))
    assert judged(size * np.exp(0.7j), shape=wide)
    assert not judged(size * np.exp(0.7j), shape=0.0)


def test_small_copies_stored_again_must_lie_edge_to_edge() -> None:
    stored = {"free": SMALL_STORED, "square": SMALL_STORED, "short": 28}
    assert judged(1j, **stored)  # type: ignore[arg-type]
    assert not judged(1, **{**stored, "short": 120})  # type: ignore[arg-type]
    for turn, shift in ((1.03, 0), (1, 0.03), (np.exp(0.03j), 0)):
        assert not judged(turn, shift, **stored)  # type: ignore[arg-type]
    moved = (*SMALL_STORED[:5], 0.83)
    assert not judged(free=moved, square=SMALL_STORED, short=28)  # another picture that fits better elsewhere
