"""Width against height of the images, as inline SVG in the page's own colours."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from markupsafe import escape

from overread.evaluation.pages import safe

_SIDE, _LEFT, _BOTTOM, _TOP, _RIGHT = 430, 64, 40, 12, 26
_MOST_DOTS = 1500


def size_plot(sizes: Mapping[tuple[int, int], int], *, label: str) -> Any:
    """A dot a size, its area by the number of images; the dashed line is square images.

    Args:
        sizes: (width, height) in pixels → images.
        label: For those who do not see it.
    """
    highest = max(max(size) for size in sizes)
    step = _step(highest)
    top = step * math.ceil(highest / step)
    ticks = [step * k for k in range(math.floor(top / step) + 1)]
    across, down = _SIDE - _LEFT - _RIGHT, _SIDE - _BOTTOM - _TOP

    def x(value: float) -> str:
        return f"{_LEFT + across * value / top:.4g}"

    def y(value: float) -> str:
        return f"{_TOP + down * (1 - value / top):.4g}"

    most = max(sizes.values())
    grid = "".join(f"M{x(0)} {y(tick)}H{x(top)}" + f"M{x(tick)} {y(0)}V{y(top)}" for tick in ticks)
    texts = "".join(
        f'<text x="{x(tick)}" y="{_SIDE - _BOTTOM + 16}" text-anchor="middle">{tick:,}</text>'
        + (f'<text x="{_LEFT - 7}" y="{y(tick)}" dy="4" text-anchor="end">{tick:,}</text>' if tick else "")
        for tick in ticks
    )
    ranked = sorted(sizes.items(), key=lambda one: (-one[1], one[0]))[:_MOST_DOTS]
    dots = "".join(
        f'<circle cx="{x(wide)}" cy="{y(high)}" r="{2.2 + 9 * math.sqrt(n / most):.3g}"/>'
        for (wide, high), n in ranked
    )
    return safe(
        f'<svg class="plot sizes" viewBox="0 0 {_SIDE} {_SIDE}" role="img" aria-label="{escape(label)}">'
        f'<path class="grid" d="{grid}"/><path class="square" d="M{x(0)} {y(0)}L{x(top)} {y(top)}"/>'
        f'<g class="dots-of-sizes">{dots}</g><g class="ticks">{texts}'
        f'<text x="{x(top / 2)}" y="{_SIDE - 4}" text-anchor="middle">width in pixels</text>'
        f'<text transform="translate(12 {y(top / 2)}) rotate(-90)" text-anchor="middle">'
        "height in pixels</text>"
        "</g></svg>"
    )


def _step(highest: float) -> int:
    """A round distance between ticks, so that there are three to six of them."""
    rough = max(highest, 1) / 4
    power = 10 ** math.floor(math.log10(rough))
    factor = next(factor for factor in (1, 2, 5, 10) if factor * power >= rough)
    return max(1, int(factor * power))
