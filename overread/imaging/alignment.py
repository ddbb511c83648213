"""Laying one fingerprint exactly over another, and saying how alike they then are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from overread.imaging.fingerprint import SIDE, Pictures, half_sides
from overread.imaging.moments import disc_functions, modes

RIM = 0.88
"""Radius that is compared, in half short sides: outside, a turned copy's corners shine in."""

FINEST = 33.0
"""Largest zero of the functions in which pictures are compared: about 10 waves across the disc."""

BANDS: tuple[tuple[float, float], ...] = (
    (0.0, 8.0),
    (8.0, 13.0),
    (13.0, 20.0),
    (20.0, FINEST + 1),
    (0.0, 20.0),
    (0.0, FINEST + 1),
)
"""From coarse to fine structure; then all coarse and all structure."""

_WHITENING = 1.5  # fine structure weighs with its frequency to this power
_TAPER = 0.5  # share of the radius from which points count less and less
_ROUNDING = 1 / 12  # variance of rounding to whole grey levels
_STORING = 0.6  # variance, in grey levels of the image, left of strong JPEG compression: measured


@dataclass(frozen=True)
class Level:
    """How closely pictures are looked at while they are laid over one another."""

    passes: int
    """How often they are smoothed."""
    every: int
    """Every which row and column counts."""
    steps: int
    """Of the refinement."""


ROUGH, EXACT = Level(passes=3, every=2, steps=3), Level(passes=1, every=2, steps=3)


@dataclass(frozen=True)
class Placement:
    """Where each point of a picture lies in another: `shift + turn * point`, with y of `point` negated before
    where mirrored; points are x + iy in half short sides from the centre, y downwards.
    """

    turn: NDArray[np.complex128]
    shift: NDArray[np.complex128]
    mirrored: NDArray[np.bool_]

    def take(self, rows: NDArray[np.int64]) -> Placement:
        """Keep some pairs."""
        return Placement(self.turn[rows], self.shift[rows], self.mirrored[rows])


@dataclass(frozen=True)
class Likeness:
    """How alike two pictures are in each of `BANDS`."""

    correlation: NDArray[np.float32]
    """[pairs, bands], -1..1; 1 where the images are too small to show any such structure."""
    expected: NDArray[np.float32]
    """[pairs, bands], 0..1: what rounding and storing leave between two copies; 0 where too small to show."""


@dataclass(frozen=True)
class _Grid:
    across: NDArray[np.float32]
    down: NDArray[np.float32]
    taper: NDArray[np.float32]


def align(
    holder: Pictures, held: Pictures, start: Placement, level: Level
) -> tuple[Placement, NDArray[np.float32]]:
    """Refine where each point of `held` lies in `holder`, row by row.

    Gauss–Newton on the correlation of smoothed pictures, over turn, size and shift (inverse composition:
    Baker and Matthews 2004).

    Returns:
        Where they lie, and the smoothed pictures' correlation there, float32 [pairs].
    """
    grid = _grid(level.every)
    outer, inner = _smooth(holder.grey, level.passes), _smooth(held.grey, level.passes)
    target, (slope_x, slope_y) = _sample_with_slopes(inner, held.shape, grid)
    root = np.sqrt(grid.taper)
    target = _centred(target, grid) * root
    norm = np.linalg.norm(target, axis=1, keepdims=True) + 1e-6
    target /= norm
    x, y = grid.across, grid.down
    steepest = np.stack([slope_x * x + slope_y * y, slope_y * x - slope_x * y, slope_x, slope_y], 1)
    steepest = _centred(steepest, grid) * root / norm[:, :, None]
    steepest -= (steepest @ target[:, :, None]) * target[:, None, :]
    curvature = steepest @ steepest.transpose(0, 2, 1)
    damping = 1e-3 * np.trace(curvature, axis1=1, axis2=2) / 4 + 1e-9
    inverse = np.linalg.inv(curvature + damping[:, None, None] * np.eye(4, dtype=np.float32))

    def look(at: Placement) -> NDArray[np.float32]:
        seen = _centred(_sample(outer, holder.shape, at, grid), grid) * root
        return np.asarray(seen / (np.linalg.norm(seen, axis=1, keepdims=True) + 1e-6))

    now = start
    for _ in range(level.steps):
        change = (inverse @ (steepest @ look(now)[:, :, None]))[:, :, 0]
        now = _composed(now, np.clip(change, -0.12, 0.12).astype(np.float64))
    return now, np.einsum("ij,ij->i", look(now), target)


def compare(holder: Pictures, held: Pictures, where: Placement) -> Likeness:
    """Correlate `held` with what `holder` shows at the same place, row by row."""
    grid = _grid(1)
    functions, zeros = _comparison()
    seen = _sample(holder.grey.astype(np.float32), holder.shape, where, grid) @ functions
    shown = _sample(held.grey.astype(np.float32), held.shape, _upright(len(held.grey)), grid) @ functions
    finest = _resolved(holder, held, where)
    correlation, expected = [], []
    for low, high in BANDS:
        used = (zeros >= low) & (zeros < np.minimum(high, finest)[:, None])
        one, other = np.where(used, seen, 0), np.where(used, shown, 0)
        power = [np.einsum("ij,ij->i", part, part) for part in (one, other)]
        shown_both = np.einsum("ij,ij->i", one, other) / (np.sqrt(power[0] * power[1]) + 1e-6)
        correlation.append(np.where(used.any(1), shown_both, 1))
        noise = used @ np.einsum("ij,ij->j", functions, functions)
        kept = [
            np.clip(1 - noise * _noise(part.contrast) / (size + 1e-9), 0, 1)
            for part, size in zip((holder, held), power, strict=True)
        ]
        expected.append(np.where(used.any(1), np.sqrt(kept[0] * kept[1]), 0))
    return Likeness(np.stack(correlation, 1).astype(np.float32), np.stack(expected, 1).astype(np.float32))


def _resolved(holder: Pictures, held: Pictures, where: Placement) -> NDArray[np.float64]:
    """The largest zero that both images can show: 0.8 of what one wave in two pixels allows."""
    pixels = np.minimum(held.short, np.abs(where.turn) * holder.short)
    return np.where(pixels < 255 * 0.6, 0.8 * RIM * np.pi / 2 * pixels, FINEST + 1)


def _noise(contrast: NDArray[np.float32]) -> NDArray[np.float32]:
    """Variance of each value of `grey` that means nothing: rounding here, and how the file was stored."""
    return (_ROUNDING + _STORING * (255 / np.maximum(contrast, 1)) ** 2).astype(np.float32)


@lru_cache(maxsize=4)
def _grid(every: int) -> _Grid:
    """Points of the disc, on rows and columns `every` fingerprint pixels apart."""
    count = SIDE // every
    middle = (np.arange(count) + 0.5) / count * 2 - 1
    across, down = (part.ravel() for part in np.meshgrid(middle, middle))
    radius = np.hypot(across, down)
    inside = radius < 1
    fade = np.clip((radius[inside] - _TAPER) / (1 - _TAPER), 0, 1)
    return _Grid(
        (RIM * across[inside]).astype(np.float32),
        (RIM * down[inside]).astype(np.float32),
        (np.cos(fade * np.pi / 2) ** 2).astype(np.float32),
    )


@lru_cache(maxsize=1)
def _comparison() -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Functions that the disc is compared in, [points, functions], fading to the rim, and their zeros."""
    grid, of = _grid(1), modes(FINEST)
    waves = disc_functions(grid.across.astype(float) / RIM, grid.down.astype(float) / RIM, FINEST)
    waves = waves * of.zero**_WHITENING * np.where(of.order > 0, np.sqrt(2), 1) / len(waves)
    waves *= grid.taper[:, None]
    waves -= grid.taper[:, None] * (waves.sum(0) / grid.taper.sum())
    both = np.concatenate([waves.real, waves.imag[:, of.order > 0]], 1)
    return both.astype(np.float32), np.concatenate([of.zero, of.zero[of.order > 0]])


def _centred(values: NDArray[np.float32], grid: _Grid) -> NDArray[np.float32]:
    mean = (values @ grid.taper) / grid.taper.sum()
    return np.asarray(values - mean[..., None])


def _composed(now: Placement, change: NDArray[np.float64]) -> Placement:
    """Undo, before `now`, the small turn, growth and shift by which it still misses."""
    undo = 1 / (1 + change[:, 0] + 1j * change[:, 1])
    back = -(change[:, 2] + 1j * change[:, 3]) * undo
    back, undo = (np.where(now.mirrored, part.conj(), part) for part in (back, undo))
    return Placement(now.turn * undo, now.shift + now.turn * back, now.mirrored)


def _smooth(grey: NDArray[np.uint8], passes: int) -> NDArray[np.float32]:
    """Blur by 1 2 1 in both directions, `passes` times."""
    image = grey.astype(np.float32).reshape(-1, SIDE, SIDE)
    for _ in range(passes):
        wide = np.pad(image, ((0, 0), (1, 1), (1, 1)), mode="edge")
        down = wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:]
        image = (down[:, :, :-2] + 2 * down[:, :, 1:-1] + down[:, :, 2:]) / 16
    return image.reshape(grey.shape)


def _sample(
    grey: NDArray[np.float32], shape: NDArray[np.float32], where: Placement, grid: _Grid
) -> NDArray[np.float32]:
    """Read pictures at the places of the grid's points, between pixels linearly: float32 [pairs, points]."""
    real = [
        part[:, None].astype(np.float32)
        for part in (where.turn.real, where.turn.imag, where.shift.real, where.shift.imag)
    ]
    down = np.where(where.mirrored[:, None], -grid.down, grid.down)
    width, height = (part[:, None] for part in half_sides(shape))
    half = np.float32(SIDE / 2)
    x = (real[2] + real[0] * grid.across - real[1] * down) * (half / width) + (half - np.float32(0.5))
    y = (real[3] + real[1] * grid.across + real[0] * down) * (half / height) + (half - np.float32(0.5))
    return _between(grey, x, y)


def _between(
    grey: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Read pictures between pixels; outside, the nearest inside."""
    last = np.float32(SIDE - 1.001)
    x, y = np.clip(x, 0, last), np.clip(y, 0, last)
    left, top = x.astype(np.int32), y.astype(np.int32)
    x -= left
    y -= top
    at = left + SIDE * top + (np.arange(len(grey), dtype=np.int32) * (SIDE * SIDE))[:, None]
    flat = grey.ravel()
    upper, lower = flat.take(at), flat.take(at + SIDE)
    upper += (flat.take(at + 1) - upper) * x
    lower += (flat.take(at + SIDE + 1) - lower) * x
    upper += (lower - upper) * y
    return upper


def _sample_with_slopes(
    grey: NDArray[np.float32], shape: NDArray[np.float32], grid: _Grid
) -> tuple[NDArray[np.float32], tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Read upright pictures at the grid's points, with their slopes to the right and downwards."""
    image = np.pad(grey.reshape(-1, SIDE, SIDE), ((0, 0), (1, 1), (1, 1)), mode="edge")
    right = (image[:, 1:-1, 2:] - image[:, 1:-1, :-2]).reshape(grey.shape)
    down = (image[:, 2:, 1:-1] - image[:, :-2, 1:-1]).reshape(grey.shape)
    where = _upright(len(grey))
    per_side = np.float32(SIDE / 4)  # two pixels, of 2 / SIDE half sides each
    width, height = (half[:, None] for half in half_sides(shape))
    slope_right = _sample(right, shape, where, grid) * (per_side / width)
    slope_down = _sample(down, shape, where, grid) * (per_side / height)
    return _sample(grey, shape, where, grid), (slope_right, slope_down)


def _upright(count: int) -> Placement:
    """Every point where it is."""
    return Placement(np.ones(count, complex), np.zeros(count, complex), np.zeros(count, bool))
