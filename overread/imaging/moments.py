"""Circular moments of fingerprints: numbers that do not change when a picture is turned or mirrored.

The picture inside a disc is written as a sum of Fourier–Bessel functions J_m(z r) exp(i m angle), the
vibrations of a drum. Turning the picture by an angle multiplies the moments of order m by exp(-i m angle),
and mirroring conjugates them; the real parts of products of moments of the same order stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from overread.imaging.fingerprint import SIDE, half_sides

FINEST = 17.0
"""Largest zero z of the functions used: about z / pi waves across the disc."""

TURNS = 64
"""Angles at which two pictures are laid over each other."""

_SUBPIXELS = 2
_SHAPES = 25.0  # steps of the logarithm of the aspect ratio for which functions are made
_BLOCK = 2048


@dataclass(frozen=True)
class Pose:
    """A disc in a picture, as it would be seen whole in a cropped copy or a copy on a smaller canvas."""

    radius: float = 1.0
    """In half short sides."""
    across: float = 0.0
    """Its centre, in half widths from the picture's centre."""
    down: float = 0.0
    """Its centre, in half heights from the picture's centre."""


@dataclass(frozen=True)
class Modes:
    """The functions: order m and zero z of each, z ascending within m ascending."""

    order: NDArray[np.int64]
    zero: NDArray[np.float64]


@lru_cache(maxsize=8)
def modes(finest: float) -> Modes:
    """Every function with a zero of its Bessel function up to `finest`."""
    found = [(order, zero) for order in range(int(finest)) for zero in _zeros(order, finest)]
    return Modes(np.array([order for order, _ in found]), np.array([zero for _, zero in found]))


def disc_functions(
    across: NDArray[np.float64], down: NDArray[np.float64], finest: float
) -> NDArray[np.complex128]:
    """Evaluate the functions at points of the unit disc (0 outside): complex [points, functions].

    They have unit mean square over the disc, and mean 0 over these points.
    """
    of = modes(finest)
    radius = np.hypot(across, down)
    inside = np.flatnonzero(radius < 1)
    grid, profiles = _profiles(finest)
    spin = np.exp(-1j * np.arctan2(down[inside], across[inside]))
    turned: dict[int, NDArray[np.complex128]] = {}
    values = np.zeros((radius.size, len(of.order)), np.complex128)
    for column, order in enumerate(of.order):
        if int(order) not in turned:
            turned[int(order)] = spin**order
        wave = np.interp(radius[inside], grid, profiles[column]) * turned[int(order)]
        values[inside, column] = wave - wave.mean()
    return values


def moments(grey: NDArray[np.uint8], shape: NDArray[np.float32], pose: Pose) -> NDArray[np.complex64]:
    """Measure pictures in a disc.

    Fine structure weighs more, as much as it is usually weaker (natural pictures fall with 1 / frequency:
    Field 1987), and each picture's moments have norm 1: brightness and contrast do not count.

    Args:
        grey: uint8 [n, SIDE * SIDE].
        shape: float32 [n], log(width / height).
        pose: The disc.

    Returns:
        complex64 [n, functions].
    """
    of = modes(FINEST)
    weight = of.zero * np.exp(-((of.zero / FINEST) ** 2) / 2) * np.where(of.order > 0, np.sqrt(2), 1)
    measured = np.empty((len(grey), len(of.order)), np.complex64)
    step = np.round(shape * _SHAPES).astype(np.int64)
    for value in np.unique(step):
        functions = (_functions(float(value) / _SHAPES, pose) * weight).astype(np.complex64)
        parts = np.concatenate([functions.real, functions.imag], 1)
        rows = np.flatnonzero(step == value)
        for start in range(0, len(rows), _BLOCK):
            some = rows[start : start + _BLOCK]
            both = grey[some].astype(np.float32) @ parts
            measured[some] = both[:, : len(of.order)] + 1j * both[:, len(of.order) :]
    return np.asarray(measured / (np.linalg.norm(measured, axis=1, keepdims=True) + 1e-3), np.complex64)


def invariants(measured: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Make numbers of moments that neither turning nor mirroring changes: float32 [n, numbers]."""
    order = modes(FINEST).order
    parts = [measured[:, order == 0].real]
    for value in range(1, int(order.max()) + 1):
        same = measured[:, order == value]
        one, other = np.triu_indices(same.shape[1])
        product = np.real(same[:, one] * same[:, other].conj())
        norm = np.linalg.norm(same, axis=1, keepdims=True) + 1e-9
        parts.append((product * np.where(one == other, 1, np.sqrt(2)) / norm).astype(np.float32))
    return np.concatenate(parts, 1)


def lay_over(
    one: NDArray[np.complex64], other: NDArray[np.complex64], *, mirror: bool
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Turn each picture, or its mirror image, until it looks most like another.

    Args:
        one: Moments, complex64 [pairs, functions].
        other: The same of the pictures to look like.
        mirror: Whether to turn the mirror images.

    Returns:
        Correlation float32 [pairs], -1..1; angle float64 [pairs], radians.
    """
    orders = modes(FINEST).order
    first = np.flatnonzero(np.r_[True, np.diff(orders) > 0])
    half = np.where(orders[first] > 0, 0.5, 1).astype(np.float32)
    product = (one if mirror else one.conj()) * other
    spectrum = np.zeros((len(one), TURNS // 2 + 1), np.complex64)
    spectrum[:, orders[first]] = np.add.reduceat(product, first, axis=1) * half
    correlation = np.fft.irfft(spectrum, TURNS, axis=1) * TURNS
    at = correlation.argmax(1)
    best = correlation[np.arange(len(at)), at].astype(np.float32)
    return best, at * (2 * np.pi / TURNS) * (1 if mirror else -1)


@lru_cache(maxsize=64)
def _functions(shape: float, pose: Pose) -> NDArray[np.complex64]:
    """What each pixel of a fingerprint adds to each moment: [SIDE * SIDE, functions]."""
    count = SIDE * _SUBPIXELS
    middle = (np.arange(count) + 0.5) / count * 2 - 1
    width, height = (float(half[0]) for half in half_sides(np.array([shape], np.float32)))
    across, down = np.meshgrid(
        (middle - pose.across) * width / pose.radius, (middle - pose.down) * height / pose.radius
    )
    fine = disc_functions(across.ravel(), down.ravel(), FINEST)
    inside = np.count_nonzero(np.hypot(across, down) < 1)
    pixels = fine.reshape(SIDE, _SUBPIXELS, SIDE, _SUBPIXELS, -1).sum((1, 3)) / inside
    return np.asarray(pixels.reshape(SIDE * SIDE, -1), np.complex64)


@lru_cache(maxsize=4)
def _profiles(finest: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Radii from 0 to 1, and each function's values there: [functions, radii]."""
    of, grid = modes(finest), np.linspace(0, 1, 1025)
    values = [
        _bessel(int(order), zero * grid) / abs(_bessel(int(order) + 1, np.array([zero]))[0])
        for order, zero in zip(of.order, of.zero, strict=True)
    ]
    return grid, np.array(values)


def _bessel(order: int, at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bessel function of the first kind, by its integral (Abramowitz and Stegun 1964, 9.1.21)."""
    turn = (np.arange(96) + 0.5) / 96 * np.pi  # exact to rounding for the orders and places used here
    mean: NDArray[np.float64] = np.cos(order * turn - np.multiply.outer(at, np.sin(turn))).mean(-1)
    return mean


def _zeros(order: int, finest: float) -> list[float]:
    """Where the Bessel function of `order` is 0, from above 0 to `finest`."""
    grid = np.linspace(max(0.5, 0.9 * order), finest, int(finest * 20))
    value = _bessel(order, grid)
    zeros = []
    for place in np.flatnonzero(np.sign(value[:-1]) != np.sign(value[1:])):
        low, high, sign = grid[place], grid[place + 1], np.sign(value[place])
        for _ in range(40):
            middle = (low + high) / 2
            if np.sign(_bessel(order, np.array([middle]))[0]) == sign:
                low = middle
            else:
                high = middle
        zeros.append(float((low + high) / 2))
    return zeros
