"""Views of an image, mirrored and turned: a lesion has no right way up, and its reading should not either.

A view is a mirroring of columns, of rows, and an exchange of the two, which together make the eight
symmetries of a square. All are read as one batch, so the network stands in the graph once.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Views = Literal[1, 2, 4, 8]


def views_of(images: Tensor, views: Views) -> Tensor:
    """Images `[n, c, s, s]` to their views, one behind the other, `[views * n, c, s, s]`."""
    return torch.cat([_turn(images, view) for view in range(views)]) if views > 1 else images


def mean_over_views(maps: Tensor, views: Views) -> Tensor:
    """Maps of views `[views * n, c, h, w]`, turned back so that places agree, averaged to `[n, c, h, w]`."""
    if views == 1:
        return maps
    parts = maps.reshape(views, -1, *maps.shape[1:]).unbind(0)
    return torch.stack([_turn_back(part, view) for view, part in enumerate(parts)]).mean(0)


def _turn(images: Tensor, view: int) -> Tensor:
    exchanged = images.transpose(2, 3) if view & 4 else images
    axes = _mirrored(view)
    return exchanged.flip(axes) if axes else exchanged


def _turn_back(maps: Tensor, view: int) -> Tensor:
    axes = _mirrored(view)
    mirrored = maps.flip(axes) if axes else maps
    return mirrored.transpose(2, 3) if view & 4 else mirrored


def _mirrored(view: int) -> list[int]:
    return [axis for axis, bit in ((3, 1), (2, 2)) if view & bit]
