"""Whether two pictures, laid over one another, are the same.

Every number here was chosen on real and generated images of one seed and confirmed on others:
docs/explanation/near-duplicates.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from overread.imaging.alignment import Likeness, Placement
from overread.imaging.fingerprint import Pictures, half_sides

_COPY = (0.99, 0.975, 0.95, 0.9)  # correlation of a copy in each band, where nothing was lost
_COPY_ALL = 0.945
_SHRUNKEN_FINE, _SHRUNKEN_ALL = 0.82, 0.91  # a copy on a larger canvas has fewer pixels for what is fine
_ODD_COPY = (0.995, 0.99, 0.98, 0.95)  # of a copy placed as none of the known kinds is
_ODD_COPY_ALL = 0.98
_ODD_COPY_SHOWN = 0.8  # how much fine structure such a picture must have
_SMALL_COPY = (0.985, 0.93, 0.75, 0.0)  # of a small copy, stored again: JPEG blurs its fine structure
_SMALL_COPY_COARSE, _SMALL_COPY_ALL = 0.895, 0.74
_EDGE_TO_EDGE = 0.015  # how exactly such a copy covers its original: size, shift and angle
_NOTHING_GAINED = 0.007  # correlation that moving it off the edges may add
_SMALL = 100  # pixels
_EXCUSED = (0.99, 0.95, 0.9, 0.7)  # rounding and storing excuse no more than this in each band
_EXCUSED_ALL = 0.85


def is_same(
    holder: Pictures, held: Pictures, where: Placement, free: Likeness, square: Likeness
) -> NDArray[np.bool_]:
    """Judge pairs, row by row.

    Args:
        holder: The pictures that show at least as much.
        held: The pictures that lie in them.
        where: Where they lie.
        free: How alike they are there.
        square: How alike they are when laid over one another edge to edge.

    Returns:
        bool [pairs].
    """
    canvas, usual = _placed_as_copy(holder, held, where)
    fine = np.where(canvas, _SHRUNKEN_FINE, _COPY[3])
    copy = usual & _reaches(free, (*_COPY[:3], fine), np.where(canvas, _SHRUNKEN_ALL, _COPY_ALL))
    odd = _reaches(free, _ODD_COPY, _ODD_COPY_ALL) & (free.expected[:, 3] >= _ODD_COPY_SHOWN)
    return np.asarray(copy | odd | _is_small_copy(holder, held, where, free, square))


def _is_small_copy(
    holder: Pictures, held: Pictures, where: Placement, free: Likeness, square: Likeness
) -> NDArray[np.bool_]:
    """Whether pairs of small images lie so exactly edge to edge that less is asked of their correlation."""
    small = np.minimum(np.abs(where.turn) * holder.short, held.short) < _SMALL
    small &= (np.abs(np.abs(where.turn) - 1) < _EDGE_TO_EDGE) & (np.abs(where.shift) < _EDGE_TO_EDGE)
    small &= _askew(where) < _EDGE_TO_EDGE
    small &= free.correlation[:, -1] - square.correlation[:, -1] <= _NOTHING_GAINED
    small &= square.correlation[:, 4] >= _SMALL_COPY_COARSE * square.expected[:, 4]
    return np.asarray(small & _reaches(square, _SMALL_COPY, _SMALL_COPY_ALL))


def lies_square(where: Placement) -> NDArray[np.bool_]:
    """Whether pictures lie about edge to edge: same size, same centre, turned by quarters of a turn."""
    size, askew = np.abs(where.turn), _askew(where)
    return np.asarray((np.abs(size - 1) < 0.08) & (np.abs(where.shift) < 0.08) & (askew < 0.08))


def _askew(where: Placement) -> NDArray[np.float64]:
    """How far the angle is from the nearest quarter turn, in radians."""
    quarters = np.angle(where.turn) / (np.pi / 2)
    return np.abs(quarters - np.round(quarters)) * (np.pi / 2)


def _reaches(
    likeness: Likeness, least: tuple[float | NDArray[np.float64], ...], least_all: float | NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Whether the correlation in each band is that of a copy, of which rounding and storing left some."""
    expected = np.maximum(likeness.expected[:, -1], _EXCUSED_ALL)
    reached = likeness.correlation[:, -1] >= least_all * expected
    for band, (limit, excused) in enumerate(zip(least, _EXCUSED, strict=True)):
        reached &= likeness.correlation[:, band] >= limit * np.maximum(likeness.expected[:, band], excused)
    return reached


def _placed_as_copy(
    holder: Pictures, held: Pictures, where: Placement
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell how `held` lies in `holder`: turned on a larger canvas; or so, cropped, or as it is.

    Pictures with one soft blob can be laid over one another whatever they are, at some size and shift; copies
    lie at the size and shift that making them gives.
    """
    size, angle = np.abs(where.turn), np.angle(where.turn)
    off_centre = np.abs(where.shift)
    width, height = half_sides(held.shape)
    cosine, sine = np.abs(np.cos(angle)), np.abs(np.sin(angle))
    canvas_size = 1 / np.minimum(width * cosine + height * sine, width * sine + height * cosine)
    as_it_is = (off_centre < 0.05) & (np.abs(size - 1) < 0.025)
    canvas = (off_centre < 0.03) & (np.abs(size / canvas_size - 1) < 0.065) & ~as_it_is
    across, down = half_sides(holder.shape)
    inside = (np.abs(where.shift.real) + size < across + 0.03) & (
        np.abs(where.shift.imag) + size < down + 0.03
    )
    cropped = inside & (_askew(where) < 0.035) & (size > 0.87) & (size < 1.03)
    return canvas, canvas | as_it_is | cropped
