from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from overread.exploration.scatter import size_plot


def dots(sizes) -> dict[float, tuple[float, float, float]]:
    """x → (x, y, radius) of every dot."""
    root = ET.fromstring(str(size_plot(sizes, label='a "label"')))
    found = [tuple(float(dot.get(name)) for name in ("cx", "cy", "r")) for dot in root.iter("circle")]
    return {x: (x, y, r) for x, y, r in found}


def test_wider_lies_right_higher_lies_up_and_more_images_are_larger() -> None:
    (left, low, large), (right, high, small) = sorted(dots({(100, 100): 90, (400, 300): 10}).values())
    assert left < right
    assert high < low, "up is a smaller y"
    assert small < large


def test_square_images_lie_on_the_dashed_line() -> None:
    text = str(size_plot({(50, 50): 1, (200, 200): 3}, label="l"))
    x0, y0, x1, y1 = map(
        float, re.search(r'class="square" d="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"', text).groups()
    )
    for x, y, _ in dots({(50, 50): 1, (200, 200): 3}).values():
        assert abs((x - x0) / (x1 - x0) - (y - y0) / (y1 - y0)) < 0.01


def test_the_label_is_escaped_and_every_dot_lies_inside() -> None:
    text = str(size_plot({(1, 1): 1, (12345, 7): 2}, label='a "label" <b>'))
    root = ET.fromstring(text)
    assert root.get("aria-label") == 'a "label" <b>'
    for x, y, _ in dots({(1, 1): 1, (12345, 7): 2}).values():
        assert 0 < x < 430
        assert 0 < y < 430


def test_ticks_are_round_and_few() -> None:
    for side in (1, 9, 28, 320, 1024, 3000, 4096):
        text = str(size_plot({(side, side): 1}, label="l"))
        ticks = {int(said.replace(",", "")) for said in re.findall(r">([\d,]+)</text>", text)}
        assert 2 <= len(ticks) <= 7
        assert max(ticks) >= side
