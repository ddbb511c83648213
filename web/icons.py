"""Draw the app's icons: `python web/icons.py` writes web/public/icons anew.

Two rings are two readings of one image; what both see is filled. Everything is computed from the circles
below, at four times the size and then made smaller, as Pillow draws without smooth edges.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

FOLDER = Path(__file__).parent / "public" / "icons"
GROUND, FIRST, SECOND, BOTH = "#17616b", "#ffffff", "#9ad9dd", "#ffffff"
# On a square of 512: the rings' centres left and right of the middle, radius and stroke; the corners' radius.
SHIFT, RADIUS, STROKE, CORNER = 62, 122, 36, 112
SMOOTH, COLOURS = 4, 64


def draw(size: int, *, corner: float = 0.0, share: float = 1.0) -> Image.Image:
    """One icon, RGBA [size, size].

    Args:
        size: Side in pixels.
        corner: Radius of the ground's corners, of 512; 0 fills the square, as systems cut their own shape.
        share: How much of the drawing's size to use; a maskable icon may lose all but the middle 80 %.
    """
    side = size * SMOOTH
    unit = side / 512
    image = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle((0, 0, side - 1, side - 1), radius=corner * unit, fill=GROUND)
    left, right = (_circle(side, unit * share, shift, RADIUS) for shift in (-SHIFT, SHIFT))
    image.paste(Image.new("RGBA", image.size, BOTH), mask=_both(side, left, right))
    _ring(pen, right, STROKE * unit * share, SECOND)
    _ring(pen, left, STROKE * unit * share, FIRST)
    return image.resize((size, size), Image.Resampling.LANCZOS)


def svg() -> str:
    """The same as a drawing without pixels."""
    left, right = 256 - SHIFT, 256 + SHIFT
    inner = RADIUS - STROKE / 2
    reach = (inner**2 - SHIFT**2) ** 0.5
    lens = (
        f"M256 {256 - reach:.2f}A{inner:g} {inner:g} 0 0 1 256 {256 + reach:.2f}"
        f"A{inner:g} {inner:g} 0 0 1 256 {256 - reach:.2f}Z"
    )
    rings = "".join(
        f'<circle cx="{x}" cy="256" r="{RADIUS}" fill="none" stroke="{colour}" stroke-width="{STROKE}"/>'
        for x, colour in ((right, SECOND), (left, FIRST))
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512">'
        f'<rect width="512" height="512" rx="{CORNER}" fill="{GROUND}"/>'
        f'<path d="{lens}" fill="{BOTH}"/>{rings}</svg>\n'
    )


def pictures() -> dict[str, Image.Image]:
    """File name → icon, in few colours as each is kept on a phone.

    The system cuts apple-touch-icon and the maskable one itself.
    """
    drawn = {
        "icon-192.png": draw(192, corner=CORNER),
        "icon-512.png": draw(512, corner=CORNER),
        "maskable-512.png": draw(512, share=0.82),
        "apple-touch-icon.png": draw(180),
    }
    return {name: one.quantize(COLOURS, Image.Quantize.FASTOCTREE) for name, one in drawn.items()}


def _circle(side: int, unit: float, shift: float, radius: float) -> tuple[float, float, float]:
    return side / 2 + shift * unit, side / 2, radius * unit


def _ring(pen: ImageDraw.ImageDraw, circle: tuple[float, float, float], stroke: float, colour: str) -> None:
    pen.circle(circle[:2], circle[2] + stroke / 2, outline=colour, width=round(stroke))


def _both(side: int, *circles: tuple[float, float, float]) -> Image.Image:
    mask = Image.new("L", (side, side), 255)
    for x, y, radius in circles:
        outside = Image.new("L", (side, side), 0)
        ImageDraw.Draw(outside).circle((x, y), radius, fill=255)
        mask.paste(0, mask=outside.point(lambda value: 255 - value))
    return mask


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "icon.svg").write_text(svg())
    for name, picture in pictures().items():
        picture.save(FOLDER / name, optimize=True)
