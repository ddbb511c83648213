"""The photographs that a check reads: JPEG and PNG files of a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from overread.cohort.candidates import image_ids
from overread.cohort.listing import list_files
from overread.errors import UsageError
from overread.imaging import DecodeLimits
from overread.imaging.files import read_file

MEDIA_TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}
"""What a browser is given; other formats it would refuse."""


@dataclass(frozen=True)
class Photograph:
    """One file to read.

    Args:
        image_id: Its path below the folder, without the ending where that suffices.
        path: Where it lies.
    """

    image_id: str
    path: Path

    @property
    def media_type(self) -> str:
        """Of its name; readers look at the bytes."""
        return MEDIA_TYPES[self.path.suffix.lower()]

    def content(self) -> bytes:
        """Its bytes.

        Raises:
            DecodeError: It cannot be opened.
        """
        return read_file(self.path, limits=DecodeLimits())


def list_photographs(folder: Path) -> list[Photograph]:
    """The JPEG and PNG files of a folder, searched through to the bottom; or the one file that is named.

    Raises:
        CohortError: It is no folder.
        UsageError: It holds none.
    """
    if folder.is_file() and folder.suffix.lower() in MEDIA_TYPES:
        return [Photograph(folder.stem, folder)]
    below = [path for path in list_files(folder).images if Path(path).suffix.lower() in MEDIA_TYPES]
    if not below:
        raise UsageError("holds no JPEG or PNG file", where=f"folder '{folder}'", todo="check the path")
    return [Photograph(name, folder / path) for name, path in zip(image_ids(below), below, strict=True)]
