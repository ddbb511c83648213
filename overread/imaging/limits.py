"""How large an input may be before it is refused unseen."""

from __future__ import annotations

from dataclasses import dataclass

from overread.errors import DecodeError


@dataclass(frozen=True)
class DecodeLimits:
    """What one image may cost; checked against the header, before anything is allocated.

    Attributes:
        max_bytes: Largest encoded file, in bytes.
        max_pixels: Most pixels, width × height; 120 megapixels are about 360 MB of RGB.
    """

    max_bytes: int = 256 * 1024 * 1024
    max_pixels: int = 120_000_000

    def check_bytes(self, size: int) -> None:
        """Refuse an encoded file of too many bytes.

        Raises:
            DecodeError: `too-large`.
        """
        if size > self.max_bytes:
            raise DecodeError(
                "too-large",
                f"expected at most {self.max_bytes} bytes, got {size}",
                todo="export the image smaller",
            )

    def check_size(self, width: int, height: int) -> None:
        """Refuse a size that is nothing or too much.

        Raises:
            DecodeError: `damaged` for an empty side, `too-large` beyond `max_pixels`.
        """
        if width < 1 or height < 1:
            raise DecodeError(
                "damaged", f"the header claims {width} × {height} pixels", todo="export it again"
            )
        if width * height > self.max_pixels:
            raise DecodeError(
                "too-large",
                f"expected at most {self.max_pixels} pixels, but the header claims {width} × {height}",
                todo="export the image smaller",
            )
