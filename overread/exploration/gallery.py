"""Small pictures for the page: read once, shrunk once, and together no larger than the page may be."""

from __future__ import annotations

import base64
import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from overread.errors import OverreadError
from overread.exploration.subject import Contents
from overread.progress import SILENT, Progress

BUDGET = 2_300_000
"""Characters that all pictures of a page may have together; with them the page stays below 3 MB."""

_STEPS = ((192, 82), (160, 78), (128, 74), (96, 70), (72, 62), (48, 55))
"""Longest side in pixels and JPEG quality: the first that fits the budget is taken."""


@dataclass(frozen=True)
class Gallery:
    """Pictures by image id.

    Attributes:
        pictures: Image id → data URI.
        lost: Ids whose file could not be brought or read.
    """

    pictures: Mapping[str, str]
    lost: tuple[str, ...] = ()

    def of(self, image_id: str) -> str | None:
        """A JPEG data URI; None where there is no picture."""
        return self.pictures.get(image_id)


def make_gallery(
    uses: Iterable[str], contents: Contents | None, *, budget: int = BUDGET, progress: Progress = SILENT
) -> Gallery:
    """Bring and shrink the images that the page will show.

    Args:
        uses: Image ids, once for every place that shows them: a picture costs its bytes at each.
        contents: Brings their files; None: there are none.
        budget: Characters of all pictures together.
        progress: Told of each image.
    """
    shown = Counter(uses)
    if contents is None or not shown:
        return Gallery({})
    small: dict[str, NDArray[np.uint8]] = {}
    lost = []
    with progress.task("thumbnails", total=len(shown)) as task:
        for image_id, content in _brought(list(shown), contents).items():
            pixels = None if content is None else _thumbnail(content)
            if pixels is None:
                lost.append(image_id)
            else:
                small[image_id] = pixels
            task.advance()
    pictures: dict[str, str] = {}
    for side, quality in _STEPS:
        pictures = {image_id: _data_uri(pixels, side, quality) for image_id, pixels in small.items()}
        if sum(len(uri) * shown[image_id] for image_id, uri in pictures.items()) <= budget:
            break
    return Gallery(pictures, tuple(sorted(lost)))


def choose_samples(
    ids: Sequence[str], owners: Sequence[str], members: NDArray[np.bool_], *, each: int, seed: int
) -> list[list[str]]:
    """Some images of each group, by a seeded hash of their ids: the same whatever the order of the rows.

    Args:
        ids: Distinct image ids.
        owners: The patient of each image; a patient is shown once a group, as long as there are others.
        members: bool [groups, images].
        each: Images a group at most.
        seed: Another one chooses other images.
    """
    digests = [hashlib.sha256(f"{seed}:{one}".encode()).digest() for one in ids]
    order = sorted(range(len(ids)), key=digests.__getitem__)
    chosen = []
    for row in members:
        seen: set[str] = set()
        first: list[str] = []
        again: list[str] = []
        for at in order:
            if len(first) == each:
                break
            if row[at]:
                (again if owners[at] in seen else first).append(ids[at])
                seen.add(owners[at])
        chosen.append((first + again)[:each])
    return chosen


def _brought(ids: list[str], contents: Contents) -> dict[str, bytes | None]:
    """The files of all ids; None for those that cannot be brought."""
    try:
        return dict(contents(ids))
    except OverreadError:
        found: dict[str, bytes | None] = {}
        for one in ids:
            try:
                found.update(contents([one]))
            except OverreadError:
                found[one] = None
        return found


def _thumbnail(content: bytes) -> NDArray[np.uint8] | None:
    from overread.imaging import decode

    try:
        return _shrunk(decode(content), _STEPS[0][0])
    except OverreadError:
        return None


def _shrunk(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    picture = Image.fromarray(pixels)
    if max(picture.size) > side:
        picture.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3)
    return np.asarray(picture)


def _data_uri(pixels: NDArray[np.uint8], side: int, quality: int) -> str:
    buffer = io.BytesIO()
    picture = Image.fromarray(_shrunk(pixels, side))
    grey = bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all())
    if grey:
        picture = picture.convert("L")
    picture.save(buffer, format="JPEG", quality=quality, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
