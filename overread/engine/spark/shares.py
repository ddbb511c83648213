"""Which task makes which parts: large shares first, single slices last, so that all workers end together."""

from __future__ import annotations

from collections.abc import Sequence

from overread.engine.slices import Slice

_SHARES_A_CORE = 8
_ROW_COST = 20_000
"""Bytes that a row weighs beside its own: a small image costs a pass through the network too."""


def share_out(pieces: Sequence[Slice], *, at_once: int) -> list[tuple[Slice, ...]]:
    """Cut slices into shares, one a task, in order.

    A share is an eighth of a core's part of the work at most, by bytes, and gets smaller towards the end
    (guided self-scheduling, Polychronopoulos and Kuck 1987): a task costs some hundredths of a second, while
    a long last one keeps all others waiting.

    Args:
        pieces: The slices whose part is missing.
        at_once: How many tasks run at the same time.

    Returns:
        Shares that hold every slice once; none is empty.
    """
    weights = [piece.bytes + _ROW_COST * max(piece.rows, 1) for piece in pieces]
    left: float = sum(weights)
    most = left / (_SHARES_A_CORE * at_once)
    shares: list[tuple[Slice, ...]] = []
    share: list[Slice] = []
    held = 0.0
    target = most
    for piece, weight in zip(pieces, weights, strict=True):
        # Half of a heavy slice beyond the target is nearer to it than the share without the slice.
        if share and held + weight / 2 > target:
            shares.append(tuple(share))
            left -= held
            share, held = [], 0.0
            target = min(most, left / (2 * at_once))
        share.append(piece)
        held += weight
    if share:
        shares.append(tuple(share))
    return shares
